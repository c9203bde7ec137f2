"""A git repository kept as a folder, by the system's ``git``: fetched with a limit, never asking, never half checked out."""

from __future__ import annotations

import contextlib
import json
import os
import re
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
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
EVERYTHING = ("+refs/heads/*:refs/bundle/heads/*", "+refs/tags/*:refs/bundle/tags/*")
WHOLE = "2147483647"
"""What git takes for a depth without an end, in a clone that had one, too."""
PASSPHRASE = '#!/bin/sh\nprintf "%s\\n" "$GIT_PASSPHRASE"\n'
NOT_TAKEN = frozenset({"ssh_config_file", "host_proxy_cmd", "github_app_id", "github_installation_id"})
NOT_TAKEN_WHY = (
    "who may edit a connection would run programs on the server, or act for an app; "
    "put what ssh needs into ~/.ssh/config of the account that runs the DAG processor, and use a key or a token"
)
NO_REF = "tracking_ref must be a branch, a tag or a whole commit that is there"
ADVICE = {
    "Permission denied (publickey": "the connection needs private_key or key_file in its extra, of a key that the "
    "server knows, and private_key_passphrase where the key has one",
    "error in libcrypto": "private_key must be the whole text of the file, first and last line included, and "
    "private_key_passphrase the key's own",
    "Host key verification failed": "known_hosts_file must hold the server's key, or strict_host_key_checking be accept-new",
    "couldn't find remote ref": NO_REF,
    "Needed a single revision": NO_REF,
}
"""What is said -> what to do."""


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
            try:
                self._git("fetch", "--quiet", "--depth", "1", "--no-tags", "--force", "--", url, ref, **environment)
            except GitError:
                if not COMMIT.fullmatch(ref):
                    raise
                # Many servers give no commit by its name alone: it is in what they have.
                self._git("fetch", "--quiet", "--depth", WHOLE, "--force", "--", url, *EVERYTHING, **environment)
                return self._git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()
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
            self._check_out_submodules()
        (self.home / "commit").write_text(commit)

    def _check_out_submodules(self) -> None:
        url, given = self._access()
        # An address such as ../lib.git is relative to this one, which git knows from nowhere else: it fetches by address.
        origin = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "remote.origin.url", "GIT_CONFIG_VALUE_0": url}
        with given as environment:
            environment |= origin
            self._git("submodule", "--quiet", "sync", "--recursive", **environment)
            # Not shallow: many servers give no commit by its name alone, and a submodule is seldom at its branch's tip.
            self._git("submodule", "--quiet", "update", "--init", "--recursive", **environment)

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
    for name in sorted(NOT_TAKEN.intersection(key for key, value in extra.items() if value)):
        raise GitError(f"{name} in the connection's extra is not supported: {NOT_TAKEN_WHY}")
    with tempfile.TemporaryDirectory(prefix="git-") as folder:
        environment = {"GIT_SSH_COMMAND": _ssh(extra, folder)}
        if extra.get("private_key_passphrase"):
            environment["SSH_ASKPASS"] = _write(folder, "passphrase", PASSPHRASE, stat.S_IRWXU)
            environment["SSH_ASKPASS_REQUIRE"] = "force"
            environment["GIT_PASSPHRASE"] = str(extra["private_key_passphrase"])
        if connection.get("password"):
            environment["GIT_ASKPASS"] = _write(folder, "askpass", ASKPASS, stat.S_IRWXU)
            environment["GIT_LOGIN"] = str(connection.get("login") or "x-access-token")
            environment["GIT_SECRET"] = str(connection["password"])
        yield environment


def _ssh(extra: dict[str, Any], folder: str) -> str:
    """Never asks; checks the host's key unless the connection says that it must not."""
    # With a passphrase ssh must be free to ask, and then for nothing else than this key's.
    asks = "no" if extra.get("private_key_passphrase") else "yes"
    options = ["ssh", "-o", f"BatchMode={asks}", "-o", "ConnectTimeout=15", "-o", "NumberOfPasswordPrompts=1"]
    options += ["-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no"]
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
        raise GitError(f"git {arguments[0]} failed: {_told(told, environment) or process.returncode}")
    return out


def _told(text: str, environment: dict[str, str]) -> str:
    """What git and ssh say, without credentials, and what to do about it."""
    for secret in (environment.get("GIT_SECRET"), environment.get("GIT_PASSPHRASE")):
        text = text.replace(secret, "***") if secret else text
    advice = "; ".join(say for seen, say in ADVICE.items() if seen in text)
    words = " ".join(line for line in without_password(text).splitlines() if line.strip())[:LONGEST_TOLD]
    return f"{words} ({advice})" if advice else words
