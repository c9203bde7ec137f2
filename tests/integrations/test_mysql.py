"""Operators, sensors, hooks and transfers of MySQL against MariaDB, which speaks its protocol."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import free_port, wait_for

from .conftest import needs

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
SERVER, INSTALL = (shutil.which(name, path=PATH) for name in ("mariadbd", "mariadb-install-db"))
pytestmark = [
    needs("MySQLdb"),
    pytest.mark.skipif(
        not SERVER or not INSTALL, reason="no mariadbd: Debian's mariadb-server-core and mariadb-client-core have it"
    ),
]
USER = "shop"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A server with its data in a folder of the test's, a database ``shop`` and one person; its port and her password."""
    folder, port, password = tmp_path_factory.mktemp("mariadb"), free_port(), secrets.token_urlsafe(16)
    data, first = folder / "data", folder / "first.sql"
    first.write_text(
        "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
        f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL ON shop.* TO {USER}@'127.0.0.1';\n"
    )
    options = ["--no-defaults", f"--datadir={data}", *(["--user=root"] if os.getuid() == 0 else [])]
    subprocess.run(
        [str(INSTALL), *options, "--auth-root-authentication-method=normal"], check=True, capture_output=True
    )
    line = [
        *(str(SERVER), *options, f"--init-file={first}", f"--socket={folder}/mariadb.sock", f"--pid-file={folder}/pid"),
        *("--bind-address=127.0.0.1", "--skip-name-resolve", f"--port={port}", "--innodb-buffer-pool-size=16M"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(process, folder / "log", port, password), 60, "an answer of MariaDB")
        yield port, password
    finally:
        process.terminate()
        process.wait(30)


def answers(process: subprocess.Popen[bytes], log: Path, port: int, password: str) -> bool:
    import MySQLdb

    assert process.poll() is None, log.read_text()[-2000:]
    try:
        MySQLdb.connect(host="127.0.0.1", port=port, user=USER, passwd=password, db="shop").close()
    except MySQLdb.OperationalError:
        return False
    return True


@pytest.mark.parametrize("client", ["mysqlclient", "mysql-connector-python"])
def test_orders_come_from_mysql_into_a_warehouse(
    installation: Any, server: tuple[int, str], tmp_path: Path, client: str
):
    port, password = server
    where = {"host": "127.0.0.1", "port": port, "schema": "shop", "login": USER, "password": password}
    extra = {"charset": "utf8mb4", "client": client}
    installation.connect("shop", "mysql", **where, extra=extra)
    installation.connect("shop_warehouse", "sqlite", host=str(tmp_path / "warehouse.sqlite3"))
    run = installation.finish("orders_from_mysql").assert_success()
    assert [tuple(each) for each in run.xcom("items")] == [("pen", 3), ("Tinte für „Füller“", 4)]
    for conn_id in ("shop", "shop_warehouse"):
        installation.call("DELETE", f"/api/v2/connections/{conn_id}")
