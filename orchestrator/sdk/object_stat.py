"""What a storage knows of a path, asked as one asks ``os.stat``."""

from __future__ import annotations

import stat
from datetime import datetime
from typing import Any

_KINDS = {"file": stat.S_IFREG, "directory": stat.S_IFDIR}


class stat_result(dict[str, Any]):
    """The facts of a path under the storage's own names, and those that all storages have as ``st_size`` and its kin."""

    st_dev = property(lambda self: 0)

    def __init__(self, *facts: Any, protocol: str | None = None, conn_id: str | None = None) -> None:
        super().__init__(*facts, protocol=protocol, conn_id=conn_id)

    def _number(self, *names: str) -> Any:
        return next((self[name] for name in names if self.get(name) is not None), 0)

    @property
    def st_size(self) -> int:
        return self._number("size")

    @property
    def st_mode(self) -> int:
        """Of what has no mode, at least whether it is a file or a folder."""
        kind = stat.S_IFLNK if self.get("islink") else _KINDS.get(str(self.get("type")), 0)
        return self.get("mode") or kind

    @property
    def st_mtime(self) -> float:
        """When it was changed, in seconds; 0 where the storage does not say."""
        found = self._number("mtime", "LastModified", "last_modified", "updated")
        if isinstance(found, str):
            found = datetime.fromisoformat(found)
        return found.timestamp() if isinstance(found, datetime) else found

    @property
    def st_ino(self) -> int:
        return self._number("ino")

    @property
    def st_nlink(self) -> int:
        return self._number("nlink")

    @property
    def st_uid(self) -> int:
        return self._number("uid")

    @property
    def st_gid(self) -> int:
        return self._number("gid")
