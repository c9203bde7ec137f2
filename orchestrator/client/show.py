"""Rows for people (a table) and for programs (JSON, YAML, or words between tabs)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

FORMATS = ("table", "json", "yaml", "plain")

Row = Mapping[str, Any]


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="how it is written; json and yaml have all fields, plain has words between tabs and no head",
    )(command)


def rows(found: Sequence[Row], columns: Sequence[str], output: str) -> None:
    """Write a list; ``columns`` are what fits a table."""
    if output == "table":
        _table(found, columns)
    elif output == "plain":
        for row in found:
            click.echo("\t".join(word(row.get(name)) for name in columns))
    else:
        _data(list(found), output)


def one(found: Row, output: str, columns: Sequence[str] | None = None) -> None:
    """Write one thing, a line for each field."""
    if output in ("json", "yaml"):
        return _data(found, output)
    names = list(columns or found)
    width = max((len(name) for name in names), default=0)
    for name in names:
        text = word(found.get(name))
        click.echo(f"{name}\t{text}" if output == "plain" else f"{name.ljust(width)}  {text}".rstrip())


def word(value: Any) -> str:
    """Return a value in one line, without what would break lines, tabs, or the terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean(text.replace("\n", " ").replace("\t", " "))


def clean(text: str) -> str:
    """Take out what steers a terminal: what others wrote must not be able to."""
    return "".join(
        each for each in text if (each >= " " and each != "\x7f" and not "\x80" <= each <= "\x9f") or each == "\t"
    )


def _data(found: Any, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        import yaml

        click.echo(yaml.safe_dump(found, sort_keys=False, allow_unicode=True).rstrip("\n"))


def _table(found: Sequence[Row], columns: Sequence[str]) -> None:
    lines = [[name.upper().replace("_", " ") for name in columns]]
    lines += [[word(row.get(name)) for name in columns] for row in found]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)
    if not found:
        click.echo("nothing", err=True)
