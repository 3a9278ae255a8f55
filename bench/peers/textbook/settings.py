"""The portal's own settings, with the textbook API in place of its own."""

from lockerportal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.peers.textbook.api"
