"""Make `time.sleep` work in Python processes whose clock is moved by libfaketime.

Python sleeps until a moment of the monotonic clock. libfaketime 0.9.10 moves that moment although it leaves
the clock itself alone, and the kernel refuses it. `select` waits for a number of seconds instead.
"""

import select
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex) -> None:
    """Wait for `seconds`, as `time.sleep` does."""
    select.select([], [], [], float(seconds))


time.sleep = sleep
