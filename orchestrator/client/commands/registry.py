"""``orchestrator variables|connections|pools``: what DAGs share. Secrets are written, and never read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from .. import show
from ..context import Client, Json, limit_option, pass_client, sure, text_of, yes_option
from ..problems import Refused
from ..server import address

HIDDEN = "***"


class Kind:
    """One of the three: its path, the name of its key, and what a table of them shows."""

    def __init__(self, path: str, key: str, columns: tuple[str, ...], fields: tuple[str, ...], plain: str = "") -> None:
        self.path, self.key, self.columns, self.fields, self.plain = path, key, columns, fields, plain

    def save(self, client: Client, entities: list[dict[str, Any]], on_clash: str = "overwrite") -> list[str]:
        """Make these or write over what is there; return the names of those that were."""
        action = {"action": "create", "entities": entities, "action_on_existence": on_clash}
        came = client.server.call("PATCH", address(self.path), {"actions": [action]})["create"]
        if came["errors"]:
            raise Refused(came["errors"][0]["status_code"], "; ".join(each["error"] for each in came["errors"]))
        return came["success"]

    def entity(self, name: str, given: Any) -> dict[str, Any]:
        """Return one entry of a file as the API takes it."""
        if not isinstance(given, Mapping) or (self.plain and set(given) - {"value", "description"}):
            if not self.plain:
                raise click.UsageError(f"{name}: an object with {', '.join(self.fields)} is expected")
            given = {self.plain: given}
        if unknown := set(given) - set(self.fields):
            raise click.UsageError(f"{name}: {', '.join(sorted(unknown))} is none of {', '.join(self.fields)}")
        if (self.path, name) == ("pools", "default_pool"):
            given = {field: each for field, each in given.items() if field in ("slots", "include_deferred")}
        return {self.key: name, **_as_text(given)}

    def written(self, row: Mapping[str, Any]) -> Any:
        """Return a row as a file has it."""
        kept = {name: row[name] for name in self.fields if row.get(name) is not None}
        return kept[self.plain] if self.plain and set(kept) == {self.plain} else kept


def _as_text(given: Mapping[str, Any]) -> dict[str, Any]:
    """Airflow's files may have a connection's extra as an object; the API takes its text."""
    extra = given.get("extra")
    return {**given, **({} if extra is None or isinstance(extra, str) else {"extra": json.dumps(extra)})}


VARIABLES = Kind("variables", "key", ("key", "value", "description"), ("value", "description"), plain="value")
CONNECTIONS = Kind(
    "connections",
    "connection_id",
    ("connection_id", "conn_type", "host", "port", "login", "schema", "description"),
    ("conn_type", "host", "port", "login", "password", "schema", "extra", "description"),
)
POOLS = Kind(
    "pools",
    "name",
    ("name", "slots", "open_slots", "running_slots", "queued_slots", "rate_per_minute", "description"),
    ("slots", "description", "include_deferred", "rate_per_minute"),
)


@click.group()
def variables() -> None:
    """Look after variables; their values can be written, and are never shown."""


@click.group()
def connections() -> None:
    """Look after connections; their passwords and extras can be written, and are never shown."""


@click.group()
def pools() -> None:
    """Look after pools."""


def _common(group: click.Group, kind: Kind, what: str) -> None:
    """The commands that all three have alike."""

    @group.command(name="list", help=f"List {what}s.")
    @limit_option
    @show.output_option
    @pass_client
    def list_(client: Client, limit: int, output: str) -> None:
        show.rows(client.server.pages(address(kind.path), kind.path, limit), kind.columns, output)

    @group.command(help=f"Show one {what}.")
    @click.argument("name")
    @show.output_option
    @pass_client
    def get(client: Client, name: str, output: str) -> None:
        show.one(client.server.get(address(kind.path, name)), output)

    @group.command(help=f"Delete a {what}.")
    @click.argument("name")
    @yes_option
    @pass_client
    def delete(client: Client, name: str, yes: bool) -> None:
        sure(f"Delete the {what} {name}?", yes)
        client.server.call("DELETE", address(kind.path, name))
        click.echo(f"deleted {name}", err=True)

    @group.command(name="import", help=f"Write {what}s from a file: an object by name, in JSON or YAML, as Airflow's.")
    @click.argument("file", type=click.File())
    @click.option("--keep", is_flag=True, help="leave alone what is there already")
    @pass_client
    def import_(client: Client, file: Any, keep: bool) -> None:
        entities = [kind.entity(str(name), each) for name, each in _read(file).items()]
        done: list[str] = []
        for begin in range(0, len(entities), 500):
            done += kind.save(client, entities[begin : begin + 500], "skip" if keep else "overwrite")
        click.echo(f"{len(done)} {what}s written", err=True)

    secret = "; what is secret is ***, which an import leaves as it is" if what != "pool" else ""

    @group.command(help=f"Write all {what}s to a file, or to standard output{secret}.")
    @click.argument("file", type=click.File("w"), default="-")
    @click.option("--format", "form", type=click.Choice(["json", "yaml"]), default="json", show_default=True)
    @pass_client
    def export(client: Client, file: Any, form: str) -> None:
        rows = client.server.pages(address(kind.path), kind.path, 1_000_000)
        found = {row[kind.key]: kind.written(row) for row in rows}
        if form == "json":
            text = json.dumps(found, indent=2, ensure_ascii=False)
        else:
            import yaml

            text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True).rstrip("\n")
        file.write(text + "\n")


def _read(file: Any) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(file.read())  # JSON is YAML, too
    except (yaml.YAMLError, UnicodeError) as error:
        raise click.UsageError(f"{file.name} is neither JSON nor YAML: {error}") from error
    if not isinstance(found, dict):
        raise click.UsageError(f"{file.name}: an object by name is expected")
    return found


_common(variables, VARIABLES, "variable")
_common(connections, CONNECTIONS, "connection")
_common(pools, POOLS, "pool")


@variables.command(name="set")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--description")
@pass_client
def set_variable(client: Client, name: str, value: str | None, description: str | None) -> None:
    """Write a variable.

    Without VALUE it is asked for without being shown; - takes it from standard input, so that it is in no history.
    """
    value = click.prompt("Value", hide_input=True, err=True) if value is None else text_of(value)
    VARIABLES.save(client, [{"key": name, "value": value, **_given(description=description)}])
    click.echo(f"{name} is set", err=True)


@connections.command(name="set")
@click.argument("name")
@click.option("--type", "conn_type", help="kind of connection, such as http or postgres; needed for a new one")
@click.option("--host")
@click.option("--port", type=click.IntRange(0, 65535))
@click.option("--login")
@click.option("--schema")
@click.option("--description")
@click.option("--extra", type=Json(), help="JSON, @FILE, or - for standard input")
@click.option("--password", "ask", is_flag=True, help="ask for the password, without showing it")
@click.option("--password-file", type=click.File(), help="take the password from a file, - for standard input")
@pass_client
def set_connection(client: Client, name: str, ask: bool, password_file: Any, extra: Any, **fields: Any) -> None:
    """Write a connection; what is not named stays as it is."""
    values = _given(**fields, extra=None if extra is None else json.dumps(extra))
    if password_file is not None:
        values["password"] = password_file.read().rstrip("\n")
    elif ask:
        values["password"] = click.prompt("Password", hide_input=True, err=True)
    CONNECTIONS.save(client, [{"connection_id": name, **_known(client, CONNECTIONS, name, ("conn_type",)), **values}])
    click.echo(f"{name} is set", err=True)


@pools.command(name="set")
@click.argument("name")
@click.argument("slots", type=int, required=False)
@click.option("--description")
@click.option(
    "--include-deferred/--no-include-deferred", default=None, help="whether tasks that wait on a trigger count"
)
@click.option("--rate-per-minute", type=click.IntRange(min=1), help="at most so many starts within any minute")
@pass_client
def set_pool(client: Client, name: str, slots: int | None, **fields: Any) -> None:
    """Write a pool; what is not named stays as it is."""
    POOLS.save(client, [{"name": name, **_known(client, POOLS, name, ("slots",)), **_given(slots=slots, **fields)}])
    click.echo(f"{name} is set", err=True)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _known(client: Client, kind: Kind, name: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """What an entry must have, as it is now; nothing where there is none."""
    try:
        row = client.server.get(address(kind.path, name))
    except Refused as error:
        if error.status == 404:
            return {}
        raise
    return {field: row[field] for field in fields}
