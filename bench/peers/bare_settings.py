"""The portal's own settings, with bare reads in place of its pages and API."""

from lockerportal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.peers.bare"
MIDDLEWARE = [  # what stands in the way of a call with a key, and no more
    "lockerportal.http.middleware.ApiProblemMiddleware",
    "lockerportal.http.middleware.DatabaseUnavailableMiddleware",
    "django.middleware.security.SecurityMiddleware",
]
