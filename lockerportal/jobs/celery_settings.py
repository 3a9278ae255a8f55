"""What of Celery is the same everywhere: a part of `lockerportal/settings.py`, which has its broker.

Redis is a wake-up call: publishing to a broker that accepts and never answers must fail within about a
second, hence the time-outs.
"""

from __future__ import annotations

from kombu.entity import Queue

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: the default gives up within an hour
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
}
CELERY_TASK_PUBLISH_RETRY = False
# Jobs are taken from the queue for good. A job that dies with its worker is not missed: the next tick does
# its work. Acknowledging instead has a flaw: where Redis is silent for a moment acknowledgements fail, each
# keeps its place in the worker's window, and with two places the worker takes no job until it is restarted.
CELERY_TASK_QUEUES = [
    Queue("lockerportal", no_ack=True),  # type: ignore[no-untyped-call]
    Queue("webhooks", no_ack=True),  # type: ignore[no-untyped-call]
]
CELERY_TASK_DEFAULT_QUEUE = "lockerportal"
# Couriers' servers may be slow: a worker of its own waits for them, and no pickup code behind it.
CELERY_TASK_ROUTES = {"notifications.tasks.deliver_webhooks": {"queue": "webhooks"}}
CELERY_TASK_SOFT_TIME_LIMIT = 120
CELERY_TASK_TIME_LIMIT = 150
CELERY_TASK_IGNORE_RESULT = True
# Without it Celery connects to PostgreSQL anew for every job. What is broken or old goes earlier: see
# `lockerportal/celery.py`.
CELERY_DB_REUSE_MAX = 1000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # only those that acknowledge late: none
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING cuts secrets out of the worker's lines too
CELERY_BEAT_SCHEDULER = "lockerportal.jobs.beat.Scheduler"
CELERY_TIMEZONE = "UTC"  # beat counts in intervals; a change of summer time must not move a job
