"""Scans that this process has begun, so that the next request goes on with them. The oldest are forgotten."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from .match import Query
from .scan import Scan
from .store import LogStore

MOST_SCANS = 64


class Scans:
    """Scans by log and query. One is begun anew where the files of its log are no longer those it knew."""

    def __init__(self, most: int = MOST_SCANS) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.known: OrderedDict[Hashable, Scan] = OrderedDict()

    def get(self, store: LogStore, name: Hashable, keys: Sequence[str], query: Query) -> Scan:
        with self.lock:
            found = self.known.get((name, query))
            if found is None or found.keys != list(keys[: len(found.keys)]) or store is not found.store:
                found = Scan(store, keys, query)
            found.keys = list(keys)
            self.known[(name, query)] = found
            self.known.move_to_end((name, query))
            while len(self.known) > self.most:
                self.known.popitem(last=False)
            return found
