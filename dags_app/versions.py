"""Versions: their specs, and their files as a folder that code can be imported from."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from orchestrator.core.serde import dag_from_json
from orchestrator.core.spec import DagSpec

from .models import Dag, DagVersion, SourceBlob


@lru_cache(maxsize=512)
def load_spec(version_pk: int) -> DagSpec:
    """Return a version's spec; versions never change, so it is read once a process."""
    return dag_from_json(DagVersion.objects.values_list("spec", flat=True).get(pk=version_pk))


def reruns_with_latest(dag: Dag, asked: bool | None = None, *, unsaid: bool = False) -> bool:
    """Whether what runs again does so with the DAG's latest version: as asked, else as the DAG says, else the installation.

    ``unsaid``: where nobody does; Airflow clears with a run's own version, and backfills with the latest.
    """
    of_dag = load_spec(dag.version_id).rerun_with_latest_version if dag.version_id else None
    of_installation: bool | None = settings.ORCH.rerun_with_latest_version
    return next((each for each in (asked, of_dag, of_installation) if each is not None), unsaid)


def place_of(version_pk: int) -> tuple[str, str]:
    """Return (folder, DAG file in it) of a version, laying the folder out where it is not there (any more)."""
    found = known_place(version_pk)
    try:
        os.utime(found[0])  # in use: `clear_old` leaves it be
    except FileNotFoundError:
        known_place.cache_clear()
        found = known_place(version_pk)
    return found


@lru_cache(maxsize=512)
def known_place(version_pk: int) -> tuple[str, str]:
    version = DagVersion.objects.select_related("tree").get(pk=version_pk)
    return str(materialise(version)), version.relative_path


def cache_folder() -> Path:
    return Path(settings.ORCH.home) / "versions"


def materialise(version: DagVersion) -> Path:
    """Lay a version's files out in the cache folder, whole or not at all.

    Several processes may come here at once: the folder appears under its name in one step.
    """
    home = cache_folder()
    target = home / version.tree_id
    if target.is_dir():
        return target
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".fresh-", dir=home))
    manifest: dict[str, str] = version.tree.manifest
    blobs = dict(SourceBlob.objects.filter(pk__in=set(manifest.values())).values_list("pk", "content"))
    for relative, sha256 in manifest.items():
        path = fresh / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(blobs[sha256]))
    try:
        os.rename(fresh, target)
    except OSError:  # another process was first
        shutil.rmtree(fresh, ignore_errors=True)
    return target


UNUSED_SECONDS = 7 * 86400.0
"""A version's folder that no attempt used for so long is deleted; it is laid out again when it is needed."""
CLEAR_SECONDS = 3600.0


def clear_old(in_use: Callable[[], Collection[str]]) -> int:
    """Delete this machine's folders of versions not used for a week; return how many. At most once an hour.

    ``in_use`` is asked for the digests of trees that must stay: those of runs that are not finished.
    """
    home, now = cache_folder(), time.time()
    stamp = home / ".cleared"
    if not home.is_dir() or (stamp.exists() and now - stamp.stat().st_mtime < CLEAR_SECONDS):
        return 0
    stamp.touch()
    old = [each for each in home.iterdir() if each.is_dir() and now - each.stat().st_mtime > UNUSED_SECONDS]
    kept = set(in_use()) if old else set()
    gone = [each for each in old if each.name not in kept]
    for folder in gone:
        if not folder.name.startswith("."):  # what was left half done begins with a dot
            # Away in one step: whoever needs it finds all of it or nothing.
            folder = folder.rename(home / f".old-{folder.name}")
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def read_sources(version: DagVersion, paths: Collection[str]) -> dict[str, bytes]:
    """Return the contents of some files of a version by path; those it does not have are left out."""
    wanted = {path: sha256 for path, sha256 in version.tree.manifest.items() if path in paths}
    blobs = dict(SourceBlob.objects.filter(pk__in=set(wanted.values())).values_list("pk", "content"))
    return {path: bytes(blobs[sha256]) for path, sha256 in wanted.items()}
