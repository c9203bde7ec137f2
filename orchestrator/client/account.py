"""Where the server's address and the token come from, and where a sign-in keeps them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click

from .problems import Problem


class NoAccount(Problem):
    """There is no address, or a token cannot be read."""


@dataclass
class Stored:
    """The file of a sign-in: a token for each address, and the one that was signed in to last."""

    current: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Stored:
        try:
            found = json.loads(file().read_text())
            return cls(found["current"], dict(found["tokens"]))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoAccount(f"{file()} cannot be read ({error}): delete it and sign in again") from error

    def write(self) -> None:
        path = file()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        # Nobody else may read it, at no moment: not the file before its mode is changed, and not a half of it.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            json.dump({"current": self.current, "tokens": self.tokens}, out)
        new.replace(path)


def file() -> Path:
    return Path(click.get_app_dir("orchestrator")) / "tokens.json"


def url_of(given: str | None) -> str:
    """Return the address of the server: what was given, the environment's, or that of the last sign-in."""
    url = given or os.environ.get("ORCHESTRATOR_URL") or Stored.read().current
    if not url:
        raise NoAccount("Which server? Give --url, set ORCHESTRATOR_URL, or run `orchestrator --url ... login`")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise NoAccount(f"{url!r} is no address of a server: write it as https://host, without a name or a password")
    return url.rstrip("/").removesuffix("/api/v2")


def token_for(url: str, given: str | None) -> str | None:
    """Return the token to send to ``url``: of the file that was given, the environment's, or the stored one.

    A stored token is sent only to the address that it was made for.
    """
    if given:
        return from_file(given)
    if token := os.environ.get("ORCHESTRATOR_TOKEN", "").strip():
        return token
    if path := os.environ.get("ORCHESTRATOR_TOKEN_FILE"):
        return from_file(path)
    return Stored.read().tokens.get(url)


def from_file(path: str) -> str:
    """Read a token; ``-`` stands for standard input."""
    try:
        with click.open_file(path) as file:
            token = file.read(65536).strip()
    except (OSError, UnicodeError) as error:
        raise NoAccount(f"The token file {path} cannot be read: {error}") from error
    if not token or not token.isascii() or len(token.split()) != 1:
        raise NoAccount(f"The token file {path} holds no token: one word is expected")
    return token
