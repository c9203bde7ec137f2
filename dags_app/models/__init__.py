from .asset import Asset, AssetAlias, AssetWatcher, ScheduleReference, TaskReference
from .bundle import Bundle
from .dag import Dag, DagTag, DagVersion, TakenOver
from .favorite import FavoriteDag
from .identity import Identity
from .plugin import PluginCall, PluginSource
from .registry import AuditEntry, Connection, Pool, Variable
from .source import DagFile, DagImportError, SourceBlob, SourceTree
from .team import Team, TeamMember
from .token import ApiToken, RevokedToken
from .use import Use
from .visit import Visit

__all__ = [
    "ApiToken",
    "Asset",
    "AssetAlias",
    "AssetWatcher",
    "AuditEntry",
    "Bundle",
    "Connection",
    "Dag",
    "DagFile",
    "DagImportError",
    "DagTag",
    "DagVersion",
    "FavoriteDag",
    "Identity",
    "PluginCall",
    "PluginSource",
    "Pool",
    "RevokedToken",
    "ScheduleReference",
    "SourceBlob",
    "SourceTree",
    "TakenOver",
    "TaskReference",
    "Team",
    "TeamMember",
    "Use",
    "Variable",
    "Visit",
]
