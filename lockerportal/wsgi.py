"""WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockerportal.settings")

application = get_wsgi_application()

# What was loaded so far lives as long as the process: looking through it for garbage again and again is a
# pause in some requests and work in all. Requests themselves leave next to no cycles behind.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
