"""The program ``orchestrator``: steers a server from anywhere by its API.

It imports neither Django nor anything else of the server, so that it starts at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from .commands import account, assets, backfills, dags, registry, runs, tasks
from .context import Client
from .problems import INTERRUPTED, REFUSED, Problem


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None})
@click.option("--url", metavar="URL", help="address of the server; default: ORCHESTRATOR_URL, or the last sign-in's")
@click.option(
    "--token-file",
    metavar="FILE",
    help="file with the token, - for standard input; default: ORCHESTRATOR_TOKEN, ORCHESTRATOR_TOKEN_FILE, or the sign-in's",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="while a run is waited for, bear it so long that the server is away",
)
@click.pass_context
def cli(context: click.Context, url: str | None, token_file: str | None, patience: float) -> None:
    """Steer an Orchestrator server from anywhere: trigger runs, follow their logs, look after what there is."""
    context.obj = Client(url, token_file, patience)


for command in (
    *(runs.runs, dags.dags, tasks.tasks, assets.assets, backfills.backfills),
    *(registry.variables, registry.connections, registry.pools),
    *(account.login, account.logout, account.whoami, account.completion),
):
    cli.add_command(command)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    try:
        code = cli.main(words, prog_name="orchestrator", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except Problem as problem:
        click.echo(f"Error: {problem}", err=True)
        return problem.code
    except click.ClickException as error:
        error.show()
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted", err=True)
        return INTERRUPTED
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # Whoever read has seen enough (`| head`); nothing is left to be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def run() -> None:
    """Be the program."""
    sys.exit(main())
