"""Zipped DAG files, as something that can be read."""

from __future__ import annotations

import io
import zipfile
import zlib

LARGEST = 1 << 20


def as_text(path: str, content: bytes) -> str:
    """A file as text; of a zip its Python files, one after the other, each under its name."""
    if not path.endswith(".zip"):
        return content.decode("utf-8", "replace")
    parts, size = [], 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Those at the top first: its DAGs are there.
            for each in sorted(archive.infolist(), key=lambda one: ("/" in one.filename, one.filename)):
                size += each.file_size
                if each.filename.endswith(".py") and size <= LARGEST:  # a small zip can hold any number of bytes
                    parts.append(f"# ---- {each.filename}\n\n" + archive.read(each).decode("utf-8", "replace"))
                elif not each.is_dir():
                    parts.append(f"# ---- {each.filename}: {each.file_size} bytes\n")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
        return f"# the archive cannot be read: {error}\n"
    return "\n".join(parts)
