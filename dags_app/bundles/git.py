"""A git repository kept as a folder, by the system's ``git``: fetched with a limit, never asking, never half checked out."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from dags_app import lookup

from .config import BundleConfig, without_password

SECONDS = 120.0
"""A fetch that takes longer is ended."""
LONGEST_TOLD = 1000
ASKPASS = '#!/bin/sh\ncase "$1" in Username*) printf "%s\\n" "$GIT_LOGIN" ;; *) printf "%s\\n" "$GIT_SECRET" ;; esac\n'


class GitError(Exception):
    """A repository cannot be fetched or checked out; the message says why, without credentials."""


class Repository:
    """The clone of one bundle: ``folder`` is what is checked out, and is looked at by the processor."""

    def __init__(self, config: BundleConfig) -> None:
        self.config = config
        self.home = Path(settings.ORCH.home) / "bundles" / config.name
        self.clone = self.home / "repository"

    @property
    def folder(self) -> str:
        return str(self.clone / self.config.subdir) if self.config.subdir else str(self.clone)

    def checked_out(self) -> str | None:
        """The commit that is here, None where there is none yet, a checkout did not end, or it lacks the folder."""
        if not os.path.isdir(self.folder):
            return None
        try:
            return (self.home / "commit").read_text().strip() or None
        except OSError:
            return None

    def fetch(self) -> str:
        """Get the newest commit of the branch, tag or commit that is followed; nothing that is checked out changes.

        Raises:
            GitError: it cannot be had.
        """
        self._begin()
        url, given = self._access()
        ref = self.config.tracking_ref
        with given as environment:
            self._git("fetch", "--quiet", "--depth", "1", "--no-tags", "--force", "--", url, ref, **environment)
        return self._git("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()

    def check_out(self, commit: str) -> None:
        """Make the folder hold this commit and nothing else; called while nobody reads the folder.

        Raises:
            GitError: it cannot be written, or has no such folder.
        """
        subdir = self.config.subdir
        if subdir and not self._git("ls-tree", "-d", commit, "--", subdir):
            raise GitError(f"commit {commit[:12]} has no folder {subdir!r}")
        (self.home / "commit").unlink(missing_ok=True)
        self._git("checkout", "--quiet", "--force", "--detach", commit)
        self._git("clean", "--quiet", "-ffd")
        if self.config.submodules:
            with self._access()[1] as environment:
                self._git("submodule", "update", "--quiet", "--init", "--recursive", "--depth", "1", **environment)
        (self.home / "commit").write_text(commit)

    def _begin(self) -> None:
        if (self.clone / ".git" / "HEAD").is_file():
            return
        shutil.rmtree(self.clone, ignore_errors=True)
        self.clone.mkdir(mode=0o700, parents=True)
        self._git("init", "--quiet")

    # ---- who we are there

    def _access(self) -> tuple[str, contextlib.AbstractContextManager[dict[str, str]]]:
        """The repository's address, and what git's environment needs for it."""
        found = lookup.of_tasks.connection(self.config.git_conn_id) if self.config.git_conn_id else None
        if self.config.git_conn_id and found is None:
            raise GitError(f"there is no connection {self.config.git_conn_id!r}")
        found = found or {}
        url = self.config.repo_url or str(found.get("host") or "")
        if not url:
            raise GitError(f"connection {self.config.git_conn_id!r} has no host: it must be the repository's address")
        if url.startswith("-"):
            raise GitError("the repository's address must not begin with '-'")
        return url, _credentials(found)

    def _git(self, *arguments: str, **environment: str) -> str:
        return run_git(*arguments, folder=str(self.clone), **environment)


@contextlib.contextmanager
def _credentials(connection: dict[str, Any]) -> Iterator[dict[str, str]]:
    """What a connection gives, in files that only we can read and that are gone afterwards; never in an argument."""
    extra = connection.get("extra") or {}
    if isinstance(extra, str):
        try:
            extra = json.loads(extra)
        except ValueError:
            extra = {}
    with tempfile.TemporaryDirectory(prefix="git-") as folder:
        environment = {"GIT_SSH_COMMAND": _ssh(extra, folder)}
        if connection.get("password"):
            environment["GIT_ASKPASS"] = _write(folder, "askpass", ASKPASS, stat.S_IRWXU)
            environment["GIT_LOGIN"] = str(connection.get("login") or "x-access-token")
            environment["GIT_SECRET"] = str(connection["password"])
        yield environment


def _ssh(extra: dict[str, Any], folder: str) -> str:
    """Never asks; checks the host's key unless the connection says that it must not."""
    options = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"]
    key = extra.get("key_file")
    if extra.get("private_key"):
        key = _write(folder, "key", str(extra["private_key"]).rstrip("\n") + "\n", stat.S_IRUSR | stat.S_IWUSR)
    if key:
        options += ["-i", _quoted(str(key)), "-o", "IdentitiesOnly=yes"]
    checking = str(extra.get("strict_host_key_checking", "accept-new")).lower()
    options += ["-o", f"StrictHostKeyChecking={checking if checking in {'yes', 'no', 'accept-new'} else 'yes'}"]
    if extra.get("known_hosts_file"):
        options += ["-o", _quoted(f"UserKnownHostsFile={extra['known_hosts_file']}")]
    if extra.get("ssh_port"):
        options += ["-p", _quoted(str(extra["ssh_port"]))]
    return " ".join(options)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _write(folder: str, name: str, text: str, mode: int) -> str:
    path = os.path.join(folder, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path


# ---- git itself


def run_git(*arguments: str, folder: str, **environment: str) -> str:
    """Run git in a process group of its own, ended with all it started when it takes too long; return what it prints.

    Raises:
        GitError: it failed, took too long, or is not there.
    """
    given = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SSH_AUTH_SOCK") if name in os.environ}
    given |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C", "GCM_INTERACTIVE": "never"}
    # A repository must not have programs of its own run here.
    safe = ["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "core.fsmonitor=false"]
    try:
        process = subprocess.Popen(
            ["git", *safe, *arguments],
            cwd=folder,
            env=given | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        )
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}; install it, or leave git bundles out") from error
    try:
        out, told = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise GitError(f"git {arguments[0]} took longer than {SECONDS:g} s") from None
    if process.returncode:
        if environment.get("GIT_SECRET"):
            told = told.replace(environment["GIT_SECRET"], "***")
        words = [line for line in without_password(told).splitlines() if line.strip()]
        raise GitError(f"git {arguments[0]} failed: {' '.join(words)[:LONGEST_TOLD] or process.returncode}")
    return out
