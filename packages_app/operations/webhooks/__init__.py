"""What couriers and staff do to webhooks.

`webhooks` is the caller's own set: an id outside it does not exist for them and raises `UnknownWebhook`.
"""

from packages_app.operations.webhooks.create_webhook import create_webhook
from packages_app.operations.webhooks.delete_webhook import delete_webhook
from packages_app.operations.webhooks.disable_webhook import disable_webhook
from packages_app.operations.webhooks.enable_webhook import enable_webhook
from packages_app.operations.webhooks.resend_delivery import resend_delivery
from packages_app.operations.webhooks.rotate_secret import rotate_secret
from packages_app.operations.webhooks.send_test_event import send_test_event

__all__ = [
    "create_webhook",
    "delete_webhook",
    "disable_webhook",
    "enable_webhook",
    "resend_delivery",
    "rotate_secret",
    "send_test_event",
]
