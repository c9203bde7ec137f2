"""What every command gets: the server, and values that are read alike everywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import click

from . import account
from .server import Server


class Client:
    """Made of the options before the command; asks for an address only once a command needs one."""

    def __init__(self, url: str | None, token_file: str | None, patience: float) -> None:
        self.given_url, self.token_file, self.patience = url, token_file, patience

    @cached_property
    def url(self) -> str:
        return account.url_of(self.given_url)

    @cached_property
    def server(self) -> Server:
        return Server(self.url, account.token_for(self.url, self.token_file), self.patience)


pass_client = click.make_pass_decorator(Client)


class Json(click.ParamType):
    """JSON as it is, ``@FILE`` for what a file holds, ``-`` for standard input."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            if value == "-" or value.startswith("@"):
                with click.open_file("-" if value == "-" else value[1:]) as file:
                    value = file.read()
            return json.loads(value)
        except (OSError, UnicodeError) as error:
            self.fail(f"cannot be read: {error}", param, ctx)
        except ValueError as error:
            self.fail(f"is no JSON: {error}", param, ctx)


class Time(click.ParamType):
    """A time as the API takes it; without a zone, or without an hour, it is one of UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write it as 2026-03-01 or 2026-03-01T06:00:00+01:00", param, ctx)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def text_of(given: str | None) -> str | None:
    """Return a value; ``-`` stands for standard input, so that it is in no history."""
    if given != "-":
        return given
    return click.get_text_stream("stdin").read().rstrip("\n")


def sure(question: str, yes: bool) -> None:
    """Ask before what cannot be taken back; ``--yes`` has said so already."""
    if not yes and not click.confirm(question, err=True):
        raise click.exceptions.Exit(2)


def yes_option(command: Any) -> Any:
    return click.option("-y", "--yes", is_flag=True, help="do not ask whether it is meant")(command)


def limit_option(command: Any) -> Any:
    return click.option(
        "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="show at most so many"
    )(command)
