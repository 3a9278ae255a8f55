"""Fixtures for every test; the environment and the servers come from tests/servers.py."""
