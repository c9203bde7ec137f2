"""Signing in, who one is, and completion in the shell."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from .. import show
from ..account import Stored, file, from_file, url_of
from ..context import Client, pass_client
from ..problems import Problem
from ..server import Server, address


@click.command()
@click.option("--user", help="name to sign in with (default: asked for)")
@click.option(
    "--token-file", metavar="FILE", help="keep this personal token instead of signing in; - for standard input"
)
@pass_client
def login(client: Client, user: str | None, token_file: str | None) -> None:
    """Sign in and keep the token for later calls, in a file that nobody else may read.

    The password is asked for without being shown. A token of a sign-in ends after a day; a personal one, made on the
    account's page, lasts as long as it says.
    """
    url = url_of(client.given_url)
    if token_file or client.token_file:
        token = from_file(token_file or client.token_file or "-")
    else:
        user = user or click.prompt("User", err=True)
        password = click.prompt("Password", hide_input=True, err=True)
        sent = {"username": user, "password": password}
        token = Server(url, None).call("POST", "/auth/token", sent)["access_token"]
    me = Server(url, token).get(address("whoami"))
    stored = Stored.read()
    stored.current = url
    stored.tokens[url] = token
    stored.write()
    click.echo(f"Signed in to {url} as {me['username']} ({me['role']}); the token is in {file()}", err=True)


@click.command()
@pass_client
def logout(client: Client) -> None:
    """End the token of the last sign-in, on the server and here."""
    url = url_of(client.given_url)
    stored = Stored.read()
    token = stored.tokens.pop(url, None)
    if token is None:
        raise Problem(f"Nobody is signed in to {url} here")
    if stored.current == url:
        stored.current = None
    stored.write()
    Server(url, token).end_token()
    click.echo(f"Signed out of {url}", err=True)


@click.command()
@show.output_option
@pass_client
def whoami(client: Client, output: str) -> None:
    """Say who the token stands for, and what she may."""
    show.one({"url": client.url, **client.server.get(address("whoami"))}, output)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Write the script that completes commands and options in a shell.

    Such as: orchestrator completion bash > ~/.local/share/bash-completion/completions/orchestrator
    """
    made = get_completion_class(shell)
    if made is None:
        raise Problem(f"There is no completion for {shell}")
    program = context.find_root()
    sys.stdout.write(made(program.command, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE").source())
