from .asset import AssetEvent, QueuedEvent, UnreadEvent
from .attempt import Attempt, Callback, RenderedFields, XCom
from .backfill import Backfill, BackfillDagRun
from .control import ControlState, PoolStart, PoolWeight
from .deadline import Deadline
from .event import StateEvent
from .failure import Failure, FailureGroup
from .group_retry import GroupRetry
from .hitl import HITLDetail
from .hold import Hold
from .partition import PartitionPart, PendingPartition
from .process import Process
from .run import DagRun
from .store import AssetStoreEntry, TaskStoreEntry
from .task_instance import TaskInstance
from .trigger import Trigger
from .undo import Undo
from .watch import WatchTrigger
from .webhook import Delivery, Webhook

__all__ = [
    "AssetEvent",
    "AssetStoreEntry",
    "Attempt",
    "Backfill",
    "BackfillDagRun",
    "Callback",
    "ControlState",
    "DagRun",
    "Deadline",
    "Delivery",
    "Failure",
    "FailureGroup",
    "GroupRetry",
    "HITLDetail",
    "Hold",
    "PartitionPart",
    "PendingPartition",
    "PoolStart",
    "PoolWeight",
    "Process",
    "QueuedEvent",
    "RenderedFields",
    "StateEvent",
    "TaskInstance",
    "TaskStoreEntry",
    "Trigger",
    "Undo",
    "UnreadEvent",
    "WatchTrigger",
    "Webhook",
    "XCom",
]
