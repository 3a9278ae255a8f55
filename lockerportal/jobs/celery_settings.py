"""Celery's settings that are the same everywhere; `lockerportal/settings.py` adds the broker.

Redis only wakes jobs up: publishing to a broker that accepts connections and never answers must fail within
about a second, hence the timeouts.
"""

from __future__ import annotations

from kombu.entity import Queue

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # no limit: the default gives up within an hour
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
}
CELERY_TASK_PUBLISH_RETRY = False
# Jobs are not acknowledged. If a job dies with its worker, the next tick does its work. Acknowledgements
# would fail while Redis is unavailable for a moment; each failed one keeps its slot in the worker's prefetch
# window, and with two slots the worker takes no more jobs until it is restarted (decision 8).
CELERY_TASK_QUEUES = [
    Queue("lockerportal", no_ack=True),  # type: ignore[no-untyped-call]
    Queue("webhooks", no_ack=True),  # type: ignore[no-untyped-call]
]
CELERY_TASK_DEFAULT_QUEUE = "lockerportal"
# Couriers' servers may be slow: a separate worker waits for them, so that no pickup code waits behind them.
CELERY_TASK_ROUTES = {"notifications.tasks.deliver_webhooks": {"queue": "webhooks"}}
CELERY_TASK_SOFT_TIME_LIMIT = 120
CELERY_TASK_TIME_LIMIT = 150
CELERY_TASK_IGNORE_RESULT = True
# Without it Celery opens a new database connection for every job. Broken or old connections are closed
# earlier: see `lockerportal/celery.py`.
CELERY_DB_REUSE_MAX = 1000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # jobs that acknowledge late: none
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING removes secrets from the worker's lines too
CELERY_BEAT_SCHEDULER = "lockerportal.jobs.beat.Scheduler"
CELERY_TIMEZONE = "UTC"  # beat counts in intervals; daylight saving time must not move a job
