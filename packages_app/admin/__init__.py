"""The admin of couriers, keys and packages, for head office.

Packages are changed only by the operations, here as everywhere; nothing is edited or deleted. Pickup codes
and the texts of messages are not shown. (`IdempotencyKey` and `WrongCodeTally` have composite primary keys,
which Django's admin cannot show.)
"""

from packages_app.admin.keys import ApiKeyAdmin, CourierAdmin
from packages_app.admin.locations import DowntimeAdmin, KioskWithPackagesAdmin, LocationWithPackagesAdmin
from packages_app.admin.packages import PackageAdmin, PackageEventAdmin
from packages_app.admin.people import DelegateAdmin, RecipientAdmin
from packages_app.admin.queue import QueueEntryAdmin
from packages_app.admin.reports import ReportSubscriptionAdmin, UsageSnapshotAdmin, WeekAtLocationAdmin
from packages_app.admin.webhooks import WebhookAdmin

__all__ = [
    "ApiKeyAdmin",
    "CourierAdmin",
    "DelegateAdmin",
    "DowntimeAdmin",
    "KioskWithPackagesAdmin",
    "LocationWithPackagesAdmin",
    "PackageAdmin",
    "PackageEventAdmin",
    "QueueEntryAdmin",
    "RecipientAdmin",
    "ReportSubscriptionAdmin",
    "UsageSnapshotAdmin",
    "WebhookAdmin",
    "WeekAtLocationAdmin",
]
