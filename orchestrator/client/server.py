"""Calls the API of one server with one token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from .problems import Unreached, refusal

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""Longest silence: a stream sends something every 15 seconds, and a list is there in a moment."""
PAGE = 100
PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds between two tries to reach a server that is away; the last one again and again."""

T = TypeVar("T")


def address(*parts: str | int) -> str:
    """Return the path of what the parts name; no part can leave its place."""
    return "/api/v2/" + "/".join(quote(str(each), safe="") for each in parts)


@dataclass
class Server:
    """``patience``: for so many seconds a run that is waited for bears it that the server is away."""

    url: str
    token: str | None
    patience: float = 300.0

    def settings(self) -> dict[str, Any]:
        """What every client of httpx is made with; redirects are answers, not ways, so that no token follows one."""
        import httpx

        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        return {"base_url": self.url, "headers": {"User-Agent": "orchestrator", **headers}, "timeout": timeout}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Return what the API answers.

        Raises:
            Refused: it answered that it will not.
            Unreached: it did not answer.
        """
        import httpx

        try:
            with httpx.Client(**self.settings()) as client:
                answer = client.request(method, path, json=body, params=_given(params), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreached(self.url, error) from error
        return read(answer, f"{method} {path}")

    def end_token(self) -> None:
        """Have the server forget the token; its answer leads to the sign-in page, which is no error here."""
        import httpx

        try:
            with httpx.Client(**self.settings()) as client:
                client.get(address("auth", "logout"))
        except httpx.HTTPError as error:
            raise unreached(self.url, error) from error

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, params=params)

    def pages(self, path: str, key: str, limit: int, **params: Any) -> list[dict[str, Any]]:
        """Return the first ``limit`` rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        while len(rows) < limit:
            size = min(PAGE, limit - len(rows))
            page = self.get(path, limit=size, offset=len(rows), **params)[key]
            rows += page
            if len(page) < size:
                break
        return rows

    @contextmanager
    def lines(self, path: str, **params: Any) -> Iterator[Iterator[str]]:
        """Open an answer that comes line by line."""
        import httpx

        try:
            with (
                httpx.Client(**self.settings()) as client,
                client.stream("GET", path, params=_given(params), headers={"Accept": "application/x-ndjson"}) as answer,
            ):
                if answer.status_code != 200:
                    answer.read()
                    read(answer, f"GET {path}")
                yield answer.iter_lines()
        except httpx.HTTPError as error:
            raise unreached(self.url, error) from error

    def patiently(self, act: Callable[[Callable[[], None]], T]) -> T:
        """Do what may be done twice, again while the server is away and patience lasts.

        ``act`` is given what it calls whenever it hears of the server.
        """
        patience = Patience(self.patience)
        while True:
            try:
                return act(patience.heard)
            except Unreached as error:
                time.sleep(patience.after(error))


class Patience:
    """How long to wait before the next try, and when to give up: counted from the last sign of life."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.heard()

    def heard(self) -> None:
        self.since, self.tries = time.monotonic(), 0

    def after(self, problem: Exception) -> float:
        """Return the seconds to wait after a try that failed; raise what it failed with when that was the last."""
        if time.monotonic() - self.since > self.seconds:
            raise problem
        self.tries += 1
        return PAUSES[min(self.tries, len(PAUSES)) - 1]


def read(answer: httpx.Response, what: str) -> Any:
    """Return the JSON of an answer.

    Raises:
        Refused, Unreached: the answer is an error, or none of the API's.
    """
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        body = answer
    if answer.status_code >= 400:
        raise refusal(answer.status_code, body, what)
    if body is answer or answer.status_code >= 300:
        place = f" (it leads to {answer.headers['Location']})" if "Location" in answer.headers else ""
        raise Unreached(f"{what}: the answer is none of this API{place}; is the URL right?")
    return body


def unreached(url: str, error: Exception) -> Unreached:
    return Unreached(f"{url} could not be reached: {str(error) or type(error).__name__}")


def _given(params: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}
