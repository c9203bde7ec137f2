"""What Airflow's names cost: importing them in a fresh interpreter, and parsing a file beside plainly importing it."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from bench import dags
from bench.place import Place
from bench.stats import median
from orchestrator.runtime.client import ForkServer
from tests.support.standalone import ROOT

LAYER = "from orchestrator import compat; compat.install()"
SDK = f"{LAYER}\nfrom airflow.sdk import DAG, task"


def measure(where: Place) -> None:
    """CPU of the import less that of a bare start; then a file's parse beside the same import in a new interpreter."""
    rounds = 5 if where.quick else 15
    folder = where.home("layer").folder
    text = dags.PLAIN.format(dag_id="layer", text="layer").replace("orchestrator.sdk", "airflow.sdk")
    dags.write(folder / "layer.py", text)
    _cpu(SDK)  # leaves the bytecode that all later ones read
    bare = [_cpu("pass") for _ in range(rounds)]
    imported = [_cpu(SDK) for _ in range(rounds)]
    where.set("python_start_cpu_ms", median(bare))
    where.set("import_airflow_sdk_ms", median(imported) - median(bare))
    plain, parsed = [], []
    server = ForkServer()
    try:
        for _ in range(rounds):
            began = time.monotonic()
            _run(f"{LAYER}\nimport sys; sys.path.insert(0, {str(folder)!r})\nimport layer")
            plain.append(time.monotonic() - began)
            began = time.monotonic()
            found = server.parse(str(folder), "layer.py", timeout=30, memory_bytes=1 << 31)
            parsed.append(time.monotonic() - began)
            if found.errors or not found.dags:
                raise RuntimeError(f"the file was not parsed: {found.errors}")
    finally:
        server.close()
    where.set("plain_import_ms", median(plain) * 1000)
    where.set("parse_one_file_ms", median(parsed) * 1000)
    where.set("parse_ratio_vs_plain_import", median(parsed) / median(plain))


def _run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def _cpu(code: str) -> float:
    """Milliseconds of CPU, of the whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
