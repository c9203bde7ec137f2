"""200 DAG files that nobody has seen before, beside 200 starts of a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import time

from bench import dags
from bench.place import Place
from bench.stats import median
from tests.support.servers import wait_for

FILES = 200


def measure(where: Place) -> None:
    """The files come into the folder of a running installation at once; the end is the API showing them all."""
    home = where.home("parse")
    pythons: list[float] = []
    parses: list[float] = []
    try:
        home.start().wait_until_healthy()
        for number in range(1 if where.quick else 3):
            pythons.append(_pythons())
            aside = home.folder / f"aside-{number}"
            for each in range(FILES):
                text = dags.PLAIN.format(dag_id=f"cold_{number}_{each}", text="cold")
                dags.write(aside / f"cold_{each}.py", text)
            wanted = home.get("/api/v2/dags?limit=1")["total_entries"] + FILES
            began = time.monotonic()
            aside.rename(home.dags_folder / f"cold_{number}")
            wait_for(
                lambda wanted=wanted: home.get("/api/v2/dags?limit=1")["total_entries"] >= wanted, 120, "200 new DAGs"
            )
            parses.append(time.monotonic() - began)
    finally:
        home.stop()
    where.set("python_200_starts_s", median(pythons))
    where.set("parse_200_files_s", median(parses))
    where.set("parse_200_files_vs_python", median(parses) / median(pythons))


def _pythons() -> float:
    began = time.monotonic()
    for _ in range(FILES):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - began
