"""Kerberos tickets and names, for hooks that ask for them."""

from __future__ import annotations

import re
import socket
import subprocess

from orchestrator.sdk.exceptions import AirflowException

from .configuration import conf


def renew_from_kt(principal: str | None, keytab: str, exit_on_fail: bool = True) -> int:
    """Get a ticket with ``kinit``; return its exit code.

    Raises:
        AirflowException: there was none, and ``exit_on_fail``.
    """
    who = [principal] if principal else []
    cache = conf.get("kerberos", "ccache", fallback="/tmp/airflow_krb5_ccache")
    found = subprocess.run(
        ["kinit", "-r", "3600m", "-k", "-t", keytab, "-c", cache, *who], capture_output=True, text=True
    )
    if found.returncode and exit_on_fail:
        raise AirflowException(f"kinit could not get a ticket from {keytab}: {found.stderr.strip()}")
    return found.returncode


def get_components(principal: str | None) -> list[str] | None:
    """``hive/_HOST@REALM`` as its three parts."""
    return re.split("[/@]", principal) if principal else None


def get_fqdn(hostname_or_ip: str | None = None) -> str | None:
    """The whole name of a host, of this one without argument; what was given where nobody knows it."""
    try:
        name = socket.gethostbyaddr(hostname_or_ip)[0] if hostname_or_ip else "localhost"
    except OSError:
        return hostname_or_ip
    return socket.getfqdn() if name == "localhost" else name


def replace_hostname_pattern(components: list[str], host: str | None = None) -> str:
    """A principal of a service on ``host``, on this machine where none is said."""
    service, _, realm = components
    name = socket.getfqdn() if host in (None, "", "0.0.0.0") else str(host)
    return f"{service}/{name.lower()}@{realm}"


def principal_from_username(username: str, realm: str | None) -> str:
    return f"{username}@{realm}" if realm and "@" not in username else username
