from .asset import Asset, AssetAlias, AssetWatcher, ScheduleReference, TaskReference
from .dag import Dag, DagTag, DagVersion
from .favorite import FavoriteDag
from .plugin import PluginCall, PluginSource
from .registry import AuditEntry, Connection, Pool, Variable
from .source import DagFile, DagImportError, SourceBlob, SourceTree

__all__ = [
    "Asset",
    "AssetAlias",
    "AssetWatcher",
    "AuditEntry",
    "Connection",
    "Dag",
    "DagFile",
    "DagImportError",
    "DagTag",
    "DagVersion",
    "FavoriteDag",
    "PluginCall",
    "PluginSource",
    "Pool",
    "ScheduleReference",
    "SourceBlob",
    "SourceTree",
    "TaskReference",
    "Variable",
]
