"""Kerberos tickets, for hooks that ask for one."""

from __future__ import annotations

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
