"""What a repository's submodules, its old commits and a connection's keys come to, with the system's git."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dags_app.bundles import git as git_module
from dags_app.bundles.config import BundleConfig
from dags_app.bundles.git import GitError, Repository


def git(folder: Path, *arguments: str) -> str:
    line = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", *arguments]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, **files: str) -> str:
    if not folder.exists():
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "more")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path, settings, monkeypatch) -> Any:
    """Makes the bundle's clone of ``tmp_path/shop``; git of this test takes submodules from folders."""
    (tmp_path / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    before, settings.ORCH.home = settings.ORCH.home, tmp_path / "home"

    def make(**kwargs: Any) -> Repository:
        wanted = {"repo_url": f"file://{tmp_path / 'shop'}", "tracking_ref": "main", **kwargs}
        return Repository(BundleConfig("shop", "git", **wanted))

    yield make
    settings.ORCH.home = before


def test_a_submodule_with_a_relative_address_is_had_at_its_own_commit(tmp_path, clone):
    wanted = commit(tmp_path / "lib", price="7")
    commit(tmp_path / "shop", etl="")
    git(tmp_path / "shop", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib")
    commit(tmp_path / "lib", price="8")
    assert git(tmp_path / "shop" / "lib", "rev-parse", "HEAD") == wanted
    commit(tmp_path / "shop")

    repository = clone(submodules=True)
    repository.check_out(repository.fetch())

    assert Path(repository.folder, "lib", "price").read_text() == "7"


def test_a_commit_that_the_server_gives_only_in_its_branch_is_found_there(tmp_path, clone, monkeypatch):
    old = commit(tmp_path / "shop", etl="1")
    commit(tmp_path / "shop", etl="2")
    clone().fetch()  # a shallow clone of the branch is there already
    run_git = git_module.run_git

    def as_old_servers(*arguments: str, **given: Any) -> str:
        if arguments[0] == "fetch" and arguments[-1] == old:
            raise GitError("Server does not allow request for unadvertised object")
        return run_git(*arguments, **given)

    monkeypatch.setattr(git_module, "run_git", as_old_servers)
    repository = clone(tracking_ref=old)
    repository.check_out(repository.fetch())

    assert Path(repository.folder, "etl").read_text() == "1"


def test_a_keys_passphrase_is_answered_by_a_program_that_is_gone_afterwards():
    extra = json.dumps({"private_key": "KEY", "private_key_passphrase": "two words"})
    with git_module._credentials({"extra": extra}) as environment:
        program = environment["SSH_ASKPASS"]
        asked = subprocess.run([program, "Enter passphrase"], env=environment, capture_output=True, text=True)
        assert asked.stdout == "two words\n"
        assert stat.S_IMODE(os.stat(program).st_mode) == stat.S_IRWXU
        assert "BatchMode=no" in environment["GIT_SSH_COMMAND"]
        assert "two words" not in environment["GIT_SSH_COMMAND"] and "two words" not in Path(program).read_text()
    assert not os.path.exists(program)


def test_an_extra_that_would_run_programs_on_the_server_is_refused():
    refused = pytest.raises(GitError, match="host_proxy_cmd in the connection's extra is not supported")
    with refused, git_module._credentials({"extra": '{"host_proxy_cmd": "touch /tmp/x"}'}):
        pass


def test_what_git_and_ssh_say_comes_with_what_to_do_and_without_secrets():
    told = git_module._told(
        "root@host: Permission denied (publickey).\n\nkey: two words\n", {"GIT_PASSPHRASE": "two words"}
    )
    assert told.startswith("root@host: Permission denied (publickey). key: *** (the connection needs private_key")
