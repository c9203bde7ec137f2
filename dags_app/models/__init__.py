from .dag import Dag, DagTag, DagVersion
from .registry import AuditEntry, Connection, Pool, Variable
from .source import DagFile, DagImportError, SourceBlob, SourceTree

__all__ = [
    "AuditEntry",
    "Connection",
    "Dag",
    "DagFile",
    "DagImportError",
    "DagTag",
    "DagVersion",
    "Pool",
    "SourceBlob",
    "SourceTree",
    "Variable",
]
