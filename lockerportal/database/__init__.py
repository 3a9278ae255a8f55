"""PostgreSQL with an end to patience: Django's backend, and a limit on how long a web request waits."""
