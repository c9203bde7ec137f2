"""``python -m tests.faults``: the full campaign on both databases; prints a table and what broke a promise."""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from tests.faults import campaign
from tests.faults.faults import FAULTS
from tests.support.servers import Postgres


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--count", type=int, default=2 * len(FAULTS), help="faults for each database")
    parser.add_argument("--only", choices=list(FAULTS), action="append", help="this kind of fault")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="repeats an order")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and database")
    arguments = parser.parse_args()
    failed = False
    name = tempfile.mkdtemp(prefix="faults-")
    for database in arguments.database or ["sqlite", "postgresql"]:
        print(f"{database}, seed {arguments.seed}, in {name}", flush=True)
        order = campaign.order(arguments.seed, arguments.count, postgresql=database == "postgresql")
        if arguments.only:
            order = [arguments.only[number % len(arguments.only)] for number in range(arguments.count)]
        report = _run(Path(name) / database, database, order, arguments.seed)
        print(report.table())
        for each in report.wrong:
            print(f"! {each}")
        failed |= bool(report.wrong)
    if not arguments.keep and not failed:
        from tests.support.servers import remove

        remove(Path(name))
    return 1 if failed else 0


def _run(folder: Path, database: str, order: list[str], seed: int) -> campaign.Report:
    if database == "sqlite":
        return campaign.run(campaign.fresh(folder), order, seed)
    postgres = Postgres(folder / "postgres")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        postgres.start()
        return campaign.run(campaign.fresh(folder, postgres.create_database("faults")), order, seed)
    finally:
        postgres.stop()


if __name__ == "__main__":
    raise SystemExit(main())
