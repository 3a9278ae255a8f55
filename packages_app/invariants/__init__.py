"""What must always be true of compartments, packages, history and messages, as SQL that finds the exceptions.

Each row is one violation; it names ids, never a code, a key or a person. All statements read one snapshot
(`audit.py`), so they hold at any moment on a live system, in the middle of any load.
"""

from __future__ import annotations

from packages_app.invariants.doors import DOORS
from packages_app.invariants.hand_over import HAND_OVER
from packages_app.invariants.invariant import Invariant
from packages_app.invariants.messages import MESSAGES
from packages_app.invariants.packages import PACKAGES
from packages_app.invariants.places import PLACES
from packages_app.invariants.queue import QUEUE
from packages_app.invariants.webhooks import WEBHOOKS

__all__ = ["INVARIANTS", "Invariant"]

INVARIANTS = (*DOORS, *PACKAGES, *HAND_OVER, *PLACES, *QUEUE, *MESSAGES, *WEBHOOKS)
