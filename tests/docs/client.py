"""The reference page of the program ``orchestrator``, made from its commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from orchestrator.client.main import cli
from orchestrator.client.problems import EXIT_CODES

HEAD = """# The program `orchestrator`

Steers a server from anywhere, by its [API](rest-api.md): from a laptop, or from a pipeline
([how](../howto/trigger-from-ci.md)). `pip install <this repository>` installs it; what is done beside the database
is done by [`manage.py`](commands.md). This page is made from `orchestrator/client`: `make docs`.

    orchestrator --url https://flows.example.org login
    orchestrator runs trigger report --conf '{"day": "2026-03-01"}' --follow

The server's address is `--url`, `ORCHESTRATOR_URL`, or that of the last sign-in. The token is that of `--token-file`,
`ORCHESTRATOR_TOKEN`, `ORCHESTRATOR_TOKEN_FILE`, or of the sign-in at this address, and is sent to no other; redirects are not
followed. A token or a password is never an argument: those stand in histories and in lists of processes. A sign-in is kept in
a file `tokens.json` below your folder of settings (`~/.config`), which nobody else may read.

While a run is waited for or followed, a server that restarts or is away for a while (`--patience`) costs nothing: what was
written comes once, and all of it. A trigger with `--wait` or `--follow` is sent again then, with a key that makes it one run.

## Exit codes
"""


def page() -> str:
    from tests.docs.pages import table, text

    lines = [HEAD, *table(("code", ""), ([f"`{code}`", words] for code, words in EXIT_CODES.items()))]
    lines += ["", "## Before the command", "", *table(("option", ""), _options(cli))]
    for name, command in sorted(cli.commands.items()):
        lines += ["", f"## `{name}`", "", _sentence(command)]
        if isinstance(command, click.Group):
            rows = ([_usage(name, each), _sentence(each), _short(each)] for _, each in sorted(command.commands.items()))
            lines += ["", *table(("", "", "options"), rows)]
        else:
            lines += ["", *table((_usage("", command), ""), _options(command))]
    return text(*lines)


def _sentence(command: click.Command) -> str:
    return " ".join((command.help or "").split())


def _usage(group: str, command: click.Command) -> str:
    words = [group, str(command.name)]
    for each in command.params:
        if isinstance(each, click.Argument):
            name = str(each.metavar or each.human_readable_name).strip("[]")
            words.append(f"{name}..." if each.nargs == -1 else name if each.required else f"[{name}]")
    return f"`{' '.join(words).strip()}`"


def _described(command: click.Command) -> Iterator[tuple[str, str]]:
    for each in command.params:
        if isinstance(each, click.Option) and each.name != "output":
            value = "" if each.is_flag else f" {each.metavar or _values(each.type) or str(each.name).upper()}"
            yield f"`{'/'.join(each.opts[-1:] + each.secondary_opts)}{value}`", each.help or ""


def _values(kind: click.ParamType) -> str:
    return "{" + ",".join(kind.choices) + "}" if isinstance(kind, click.Choice) else ""


def _options(command: click.Command) -> list[list[str]]:
    return [list(each) for each in _described(command)] or [["", "none"]]


def _short(command: click.Command) -> str:
    return "<br>".join(f"{option} {words}".strip() for option, words in _described(command))
