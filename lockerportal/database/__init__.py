"""Django's PostgreSQL backend, with a limit on how long a web request waits for the server."""
