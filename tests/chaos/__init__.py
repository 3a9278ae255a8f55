"""The whole portal as real processes on durable servers of its own, killed, frozen and silenced under load.

    pytest tests/chaos                 # a few minutes; the figures stand at the end of the report
    CHAOS_LONG=1 pytest tests/chaos    # outages of one to ten minutes, real waiting for leases, more kills
    pytest -m "not chaos"              # everything else

What `kill -9` does not model is the loss of power: the kernel still writes what was handed to it. For that
the tests assert that PostgreSQL runs with fsync and synchronous_commit on.
"""
