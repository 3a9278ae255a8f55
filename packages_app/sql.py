"""The hot statements' way to PostgreSQL; the locations' status takes it as well."""

from lockers.sql import fetch

__all__ = ["fetch"]
