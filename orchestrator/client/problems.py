"""What can go wrong between here and the server, each with the code that the program ends with."""

from __future__ import annotations

from typing import Any

SUCCESS, FAILED, REFUSED, UNREACHED, NOT_YET, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXIT_CODES = {
    SUCCESS: "done; of a run that was waited for: it succeeded",
    FAILED: "the run that was waited for failed, or was cancelled",
    REFUSED: "asked for wrongly, or the server refused: no such thing, no right to it, no valid token",
    UNREACHED: "the server could not be reached, or answered that it cannot work right now",
    NOT_YET: "the run that was waited for had not ended when `--timeout` was over",
    INTERRUPTED: "Ctrl-C; a run that was waited for goes on",
}


class Problem(Exception):
    """Ends the program with one line that says what failed, and with a code."""

    code = REFUSED


class Refused(Problem):
    """The server answered that it will not do this."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Unreached(Problem):
    """There was no answer, or none that means anything."""

    code = UNREACHED


class NotYet(Problem):
    """What was waited for did not come in time."""

    code = NOT_YET


def refusal(status: int, body: Any, what: str) -> Problem:
    """Return the error that an answer of the API stands for."""
    text = _detail(body) or f"HTTP {status}"
    if status >= 500 or status == 429:
        return Unreached(f"{what}: the server cannot answer now ({status}): {text}")
    if status == 401:
        return Refused(status, f"{what}: not signed in ({text}); run `orchestrator login` or set ORCHESTRATOR_TOKEN")
    if status == 403:
        return Refused(status, f"{what}: not allowed ({text})")
    return Refused(status, f"{what}: {text}")


def _detail(body: Any) -> str:
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):  # of a failed validation: one entry a wrong value
        return "; ".join(f"{'.'.join(map(str, each.get('loc', [])))}: {each.get('msg')}" for each in detail)
    return detail if isinstance(detail, str) else ""
