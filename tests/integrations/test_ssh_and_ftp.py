"""A command over SSH, SFTP both ways, FTP: against servers on this machine."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import needs

pytestmark = needs("asyncssh", "pyftpdlib")
USER, PASSWORD = "report", "only-in-this-test"


@pytest.fixture(scope="module")
def ssh(installation: Any) -> Iterator[int]:
    """asyncssh's server, with a shell for commands and SFTP: it runs as nobody else than we do."""
    import asyncssh

    class Anybody(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    async def run(process: Any) -> None:
        done = await asyncio.to_thread(subprocess.run, process.command, shell=True, capture_output=True, text=True)
        process.stdout.write(done.stdout)
        process.stderr.write(done.stderr)
        process.exit(done.returncode)

    async def listen() -> Any:
        key = asyncssh.generate_private_key("ssh-ed25519")
        return await asyncssh.create_server(
            Anybody, "127.0.0.1", 0, server_host_keys=[key], process_factory=run, sftp_factory=True
        )

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = server.sockets[0].getsockname()[1]
    for conn_id, conn_type in (("ssh_default", "ssh"), ("sftp_default", "sftp")):
        installation.connect(
            conn_id,
            conn_type,
            host="127.0.0.1",
            port=port,
            login=USER,
            password=PASSWORD,
            extra={"no_host_key_check": "true", "look_for_keys": "false", "allow_agent": "false"},
        )
    yield port
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def ftp(installation: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stands on asyncore
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.servers import ThreadedFTPServer

    folder = tmp_path_factory.mktemp("ftp")
    people = DummyAuthorizer()
    people.add_user(USER, PASSWORD, str(folder), perm="elradfmw")
    handler = type("Handler", (FTPHandler,), {"authorizer": people})
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    installation.connect(
        "ftp_default", "ftp", host="127.0.0.1", port=server.socket.getsockname()[1], login=USER, password=PASSWORD
    )
    yield folder
    server.close_all()
    thread.join(10)


def test_a_file_comes_by_sftp_and_goes_on_by_ftp(installation: Any, ssh: int, ftp: Path, tmp_path: Path):
    run = installation.finish("files_over_ssh_and_ftp", {"folder": str(tmp_path)}).assert_success()
    assert (ftp / "report.csv").read_text() == "item,count\npen,3\n"
    assert "arrived" in run.states
