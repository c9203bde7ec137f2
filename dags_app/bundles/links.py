"""Where a version of a bundle can be looked at in the browser: what the settings say, or what the hosts are known to have."""

from __future__ import annotations

import re
from functools import lru_cache

from .config import BundleConfig, BundleError, configured, without_password

HOSTS = {"github.com": "tree", "gitlab.com": "-/tree", "bitbucket.org": "src"}
ADDRESS = re.compile(r"(?:https?://|ssh://git@|git@)(?P<host>[\w.-]+)[:/](?P<path>[\w./-]+?)(?:\.git)?/?")


@lru_cache(maxsize=1024)
def url_of(name: str, version: str | None) -> str | None:
    """The address, None where there is none to be known."""
    config = _configs().get(name)
    if config is None or not version:
        return None
    template = config.view_url_template or _template(config)
    try:
        return template.format(version=version, subdir=config.subdir, name=name).rstrip("/") or None
    except (KeyError, IndexError, ValueError):
        return None


@lru_cache(maxsize=1)
def _configs() -> dict[str, BundleConfig]:
    """As they were when the process began."""
    try:
        return {each.name: each for each in configured()}
    except BundleError:  # the processor says so
        return {}


def _template(config: BundleConfig) -> str:
    found = ADDRESS.fullmatch(without_password(config.repo_url))
    if found is None or found["host"] not in HOSTS:
        return ""
    return f"https://{found['host']}/{found['path']}/{HOSTS[found['host']]}/{{version}}/{{subdir}}"
