"""One case against its recorded answer, and all of a folder: what agrees, what differs on purpose, what is wrong."""

from __future__ import annotations

import importlib
import json
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from .accepted import ACCEPTED

OWN_DATA = Path(__file__).parent / "data"
CASE_SECONDS = 120


@dataclass
class Verdict:
    """What became of one case: it agrees where there is nothing wrong and nothing was accepted."""

    case_id: str
    wrong: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        return "disagrees" if self.wrong else "accepted" if self.accepted else "agrees"


def folder() -> Path:
    return Path(os.environ.get("CONFORMANCE_DATA") or OWN_DATA)


def sets(data: Path) -> list[str]:
    return sorted(path.stem for path in data.glob("*.jsonl"))


def read(data: Path, name: str) -> Iterator[Any]:
    """The cases of a set; a line that cannot be read is one that nobody can answer."""
    with (data / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                case = json.loads(line) if line.strip() else None
            except ValueError as error:
                case = {"id": f"{name}.jsonl, line {number}", "unreadable": str(error)}
            if case is not None:
                yield (
                    case
                    if isinstance(case, dict)
                    else {"id": f"{name}.jsonl, line {number}", "unreadable": "no object"}
                )


def judge(name: str, case: Any) -> Verdict:
    """Answer one case and compare; whatever goes wrong on the way is a disagreement, too."""
    verdict = Verdict(str(case.get("id")))
    try:
        with _time_limit():
            if "unreadable" in case:
                raise ValueError(case["unreadable"])
            module = _module(name)
            got = module.answer(deepcopy(case))
        _compare(module, name, case, got, verdict)
    except Exception as error:
        verdict.wrong.append(f"no answer: {type(error).__name__}: {error}\n{traceback.format_exc().rstrip()}")
    return verdict


def _module(name: str) -> ModuleType:
    if not (Path(__file__).parent / f"{name}.py").is_file() or not name.isidentifier():
        raise LookupError(f"nothing here answers the cases of set {name!r}")
    return importlib.import_module(f"{__package__}.{name}")


def _compare(module: ModuleType, name: str, case: Any, got: Any, verdict: Verdict) -> None:
    expected = deepcopy(case["expected"])
    verdict.wrong = module.compare(expected, got)
    for kind in ACCEPTED if verdict.wrong else ():
        if name not in kind.sets:
            continue
        granted = kind.grant(case, deepcopy(expected), got)
        if granted is not None and granted != expected:
            expected = granted
            verdict.accepted.append(kind.name)
    if verdict.accepted:
        verdict.wrong = module.compare(expected, got)


@contextmanager
def _time_limit() -> Iterator[None]:
    """A case that hangs must not keep the others from their turn."""

    def over(*_: Any) -> None:
        raise TimeoutError(f"no answer after {CASE_SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(CASE_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Report:
    """All verdicts of one set."""

    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[Verdict]:
        return [each for each in self.verdicts if each.wrong]

    def summary(self) -> str:
        words = Counter(each.word for each in self.verdicts)
        kinds = Counter(kind for each in self.verdicts if not each.wrong for kind in each.accepted)
        line = (
            f"{self.name:<12}{len(self.verdicts):>5} cases{words['agrees']:>6} agree{words['accepted']:>5} accepted "
            f"differences{words['disagrees']:>5} disagree  ({self.seconds:.0f} s)"
        )
        return "\n".join([line, *(f"{'':<12}  {count:>3} x {kind}" for kind, count in kinds.most_common())])


def run(name: str, cases: Iterable[Any], tell: Callable[[Verdict], None] = lambda verdict: None) -> Report:
    """Judge cases of a set; ``tell`` is called with each verdict."""
    report, began = Report(name), time.monotonic()
    for case in cases:
        report.verdicts.append(judge(name, case))
        tell(report.verdicts[-1])
    report.seconds = time.monotonic() - began
    return report
