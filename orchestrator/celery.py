"""The Celery application: processes, pools and routing by queue; never a carrier of data."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

from celery import Celery
from django.conf import settings

CONTROL_QUEUE = "control"


def broker_url(redis_url: str) -> str:
    """Celery spells a Redis socket differently from everybody else."""
    return redis_url.replace("unix://", "redis+socket://", 1) if redis_url.startswith("unix://") else redis_url


app = Celery("orchestrator", set_as_current=True)
app.conf.update(
    broker_url=os.environ.get("BROKER_URL") or broker_url(settings.REDIS_URL),
    result_backend=None,
    task_ignore_result=True,
    accept_content=["json"],
    task_serializer="json",
    event_serializer="json",
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        **{"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 10},
        # For who sends: while Redis is away an invitation is given up at once; tried again, it would hold up
        # the request that it is only a hint about for six seconds.
        **{"max_retries": 1, "interval_start": 0, "interval_step": 0},
    },
    broker_pool_limit=2,
    task_create_missing_queues=True,
    task_default_queue="default",
    beat_scheduler="runs_app.beat:DueScheduler",
    timezone="UTC",
    imports=("runs_app.tasks",),
    # Celery would close the database connection behind every message; ours is one invitation of many.
    CELERY_DB_REUSE_MAX=1 << 60,
)
