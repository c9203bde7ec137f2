"""Versions: their specs, and their files as a folder that code can be imported from."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from orchestrator.core.serde import dag_from_json
from orchestrator.core.spec import DagSpec

from .models import DagVersion, SourceBlob


@lru_cache(maxsize=512)
def load_spec(version_pk: int) -> DagSpec:
    """Return a version's spec; versions never change, so it is read once a process."""
    return dag_from_json(DagVersion.objects.values_list("spec", flat=True).get(pk=version_pk))


@lru_cache(maxsize=512)
def place_of(version_pk: int) -> tuple[str, str]:
    """Return (folder, DAG file in it) of a version, laying the folder out where it is not there yet."""
    version = DagVersion.objects.select_related("tree").get(pk=version_pk)
    return str(materialise(version)), version.relative_path


def materialise(version: DagVersion) -> Path:
    """Lay a version's files out in the cache folder, whole or not at all.

    Several processes may come here at once: the folder appears under its name in one step.
    """
    home = settings.ORCH.home / "versions"
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


def read_sources(version: DagVersion, paths: Collection[str]) -> dict[str, bytes]:
    """Return the contents of some files of a version by path; those it does not have are left out."""
    wanted = {path: sha256 for path, sha256 in version.tree.manifest.items() if path in paths}
    blobs = dict(SourceBlob.objects.filter(pk__in=set(wanted.values())).values_list("pk", "content"))
    return {path: bytes(blobs[sha256]) for path, sha256 in wanted.items()}
