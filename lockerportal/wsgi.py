"""WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockerportal.settings")

application = get_wsgi_application()

# What is loaded by now lives as long as the process. Scanning it for garbage would pause some requests, and
# requests leave almost no reference cycles behind.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
