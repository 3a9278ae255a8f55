"""Several reminding jobs at once tell everybody once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

from lockers.models import Location
from notifications.models import Notification
from packages_app import operations
from packages_app.lifecycle import Status
from packages_app.models import Courier, Package
from tests.races.together import assert_sound, bring, kinds, together


def test_four_jobs_and_the_recipients(location: Location, courier: Courier) -> None:
    packages = [bring(courier, location, f"T{n}") for n in range(6)]
    Package.objects.update(updated_at=packages[0].created_at - timedelta(days=1))
    end = Package.objects.latest("expires_at").expires_at
    assert end is not None
    now = end - timedelta(hours=20)
    for hours, kind in ((20, "reminder"), (10, "reminder_last")):
        now = end - timedelta(hours=hours)
        results = together(*[partial(operations.remind, now=now, batch=2)] * 4)
        assert kinds(results) == {"ok": 4}
        operations.remind(now=now)  # what every job found locked
        told = Counter(Notification.objects.filter(kind=kind).values_list("subject", "channel"))
        assert told == {(f"package:{one.pk}", channel): 1 for one in packages for channel in ("email", "sms")}
    assert {one.status for one in Package.objects.all()} == {Status.STORED}
    assert_sound()
