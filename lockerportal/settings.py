"""Settings, all from the environment; `.env.example` explains every variable.

An invalid value is refused at startup, with the name of the variable and never its value
(`lockerportal/env/`).
"""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF

from lockerportal import logs
from lockerportal.env import database as read_database
from lockerportal.env import messages as read_messages
from lockerportal.env import parsing as read

django_stubs_ext.monkeypatch()  # for `ModelAdmin[Package]` and the like, which type checkers require

BASE_DIR = Path(__file__).resolve().parent.parent
env = read.load(BASE_DIR)

# --- Secrets and hosts ---------------------------------------------------------------------------------

DEBUG = read.boolean(env, "DEBUG", default=False)
SECRET_KEY = read.secret_key(env)
PICKUP_CODE_SECRETS = read.code_secrets(env, "PICKUP_CODE_SECRETS", other=SECRET_KEY)
# The signatures of webhooks are computed from these: by default from the pickup code secrets, with another
# label.
WEBHOOK_SECRETS = (
    read.code_secrets(env, "WEBHOOK_SECRETS", other=SECRET_KEY)
    if env.str("WEBHOOK_SECRETS", default="")
    else PICKUP_CODE_SECRETS
)
ALLOWED_HOSTS = read.hosts(env, debug=DEBUG)
CSRF_TRUSTED_ORIGINS = read.origins(env)

ROOT_URLCONF = "lockerportal.urls"
WSGI_APPLICATION = "lockerportal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "ninja",  # for its Swagger pages, from our own static files
    "lockerportal.apps.LockerPortalConfig",
    "lockers",
    "packages_app",
    "notifications",
]
if DEBUG:  # the commands seed_demo and replay_parcels
    if find_spec("devtools") is None:
        raise read.refuse(
            "DEBUG", "is true, but this installation has no development tools: production needs DEBUG=false"
        )
    INSTALLED_APPS.append("devtools")

MIDDLEWARE = [
    "lockerportal.http.middleware.ApiProblemMiddleware",
    "lockerportal.http.middleware.DatabaseUnavailableMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "lockerportal.http.fast_path.ApiMiddleware",
    "lockerportal.http.middleware.NulMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# --- PostgreSQL ----------------------------------------------------------------------------------------

_timeouts = read_database.timeouts(env)
# How long a web request waits for a frozen server, which enforces no timeout itself
# (`lockerportal/database`).
DATABASE_PATIENCE_SECONDS = _timeouts["statement_timeout"] / 1000 + 0.25
# Saves a round trip and a plan for the hot statements; off behind a pooler without prepared statements.
DB_PREPARE_STATEMENTS = read.boolean(env, "DB_PREPARE_STATEMENTS", default=True)
DATABASES = {
    "default": read_database.server(env, _timeouts, prepares=DB_PREPARE_STATEMENTS, debug=DEBUG),
}

# --- Redis and Celery ----------------------------------------------------------------------------------
# Redis is a wake-up call and a cache: nothing is lost if it is unavailable or wiped.

REDIS_URL = read.url(env, "REDIS_URL", schemes=("redis", "rediss", "unix"))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "lockerportal",
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }
}

CELERY_BROKER_URL = REDIS_URL
from lockerportal.jobs.celery_settings import *  # noqa: E402, F403 - settings that are the same everywhere

# --- Rules of the network ------------------------------------------------------------------------------

# Inner dimensions and weight limit of each compartment size; the defaults are the most common cabinet's.
COMPARTMENT_SIZES = read.sizes(
    env,
    "COMPARTMENT_SIZES",
    {
        "SMALL": {"height_mm": 80, "width_mm": 380, "depth_mm": 640, "max_weight_g": 2_000},
        "MEDIUM": {"height_mm": 190, "width_mm": 380, "depth_mm": 640, "max_weight_g": 10_000},
        "LARGE": {"height_mm": 410, "width_mm": 380, "depth_mm": 640, "max_weight_g": 30_000},
    },
)
# Wrong pickup codes: after so many free attempts each one has to wait, doubling up to the longest wait. After
# so many on one day at one location, pickups there also need the last four digits of the phone number
# (decision 3).
PICKUP_FREE_ATTEMPTS = read.whole(env, "PICKUP_FREE_ATTEMPTS", default=4, least=1, most=20)
PICKUP_FIRST_WAIT = timedelta(seconds=30)
PICKUP_LONGEST_WAIT = timedelta(minutes=15)
PICKUP_DAILY_FAILURES = read.whole(env, "PICKUP_DAILY_FAILURES", default=60, least=5, most=1000)
IDEMPOTENCY_KEEP = timedelta(hours=72)
# Managers are told when a size has less than this share of compartments available, and of overdue returns.
NEARLY_FULL_PERCENT = read.whole(env, "NEARLY_FULL_PERCENT", default=10, least=0, most=50)
OVERDUE_RETURN_AFTER = timedelta(days=read.whole(env, "OVERDUE_RETURN_DAYS", default=3, least=0, most=365))
USAGE_KEEP = timedelta(days=read.whole(env, "USAGE_KEEP_DAYS", default=400, least=8, most=3650))
# The longest queue of one courier, and how long ended queue entries can be read.
QUEUE_MOST_WAITING = read.whole(env, "QUEUE_MOST_WAITING", default=1000, least=1, most=100_000)
QUEUE_KEEP = timedelta(days=read.whole(env, "QUEUE_KEEP_DAYS", default=90, least=4, most=3650))
# How long after the end of a package its recipient is erased.
ERASE_AFTER = timedelta(days=read.whole(env, "ERASE_AFTER_DAYS", default=30, least=1, most=3650))
# How long an answer about the whole network is cached (`common/shared_answers.py`); 0 disables the cache.
SHARED_ANSWERS_SECONDS = read.number(env, "SHARED_ANSWERS_SECONDS", default=2, least=0, most=60)
# A location whose kiosks have sent no heartbeat for so long is offline, and its deadlines are paused
# (`operations.md`).
LOCATION_SILENT_AFTER = timedelta(
    minutes=read.whole(env, "LOCATION_SILENT_MINUTES", default=15, least=2, most=1440)
)
# Average rate and burst of: calls with one key (which may have its own limit), fault reports of one courier,
# and invalid keys from one address.
RATE_LIMITS = read.boolean(env, "RATE_LIMITS", default=True)
RATE_LIMIT_KEY = read.limit(env, "RATE_LIMIT_KEY", default="5000/s,20000")
RATE_LIMIT_FAULTS = read.limit(env, "RATE_LIMIT_FAULTS", default="30/h,30")
RATE_LIMIT_FAILED_KEYS = read.limit(env, "RATE_LIMIT_FAILED_KEYS", default="5/s,1000")

# --- Messages ------------------------------------------------------------------------------------------

# In development, messages go to the mailbox page; set EMAIL_URL to send them.

EMAIL_BACKEND = read_messages.backend(
    env,
    "EMAIL_BACKEND",
    default=read_messages.SMTP
    if env.str("EMAIL_URL", default="") or not DEBUG
    else read_messages.MAILBOX_EMAIL,
    debug=DEBUG,
)
_smtp = read_messages.smtp(env) if EMAIL_BACKEND == read_messages.SMTP else {}
EMAIL_HOST = _smtp.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _smtp.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _smtp.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _smtp.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_smtp.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_smtp.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 10  # seconds for each step; `notifications/email/smtp.py` limits them all together
# The providers that django-anymail supports; it is not in requirements.txt (`operations.md`).
ANYMAIL = read_messages.anymail(env, EMAIL_BACKEND)
if ANYMAIL:
    INSTALLED_APPS.append("anymail")
DEFAULT_FROM_EMAIL = read_messages.sender(env, debug=DEBUG)

SMS_BACKEND = read_messages.backend(
    env, "SMS_BACKEND", default=read_messages.MAILBOX_SMS if DEBUG else "", debug=DEBUG
)
SMS_PROVIDER = read_messages.provider(env, "SMS_PROVIDER", default="first")
SMS_GATEWAY_URL = read_messages.gateway(env, "SMS_GATEWAY_URL", SMS_BACKEND, debug=DEBUG)
SMS_GATEWAY_TOKEN = read_messages.gateway_token(env, "SMS_GATEWAY_TOKEN", SMS_BACKEND, debug=DEBUG)
SMS_SENDER = env.str("SMS_SENDER", default="Lockers")
# A second provider, for as long as the first is unavailable (`notifications/delivery/providers.py`).
SMS_BACKEND_2 = read_messages.second_backend(env, "SMS_BACKEND_2", debug=DEBUG)
_other = SMS_PROVIDER if SMS_BACKEND_2 else ""
SMS_PROVIDER_2 = read_messages.provider(env, "SMS_PROVIDER_2", default="second", other=_other)
SMS_GATEWAY_URL_2 = read_messages.gateway(env, "SMS_GATEWAY_URL_2", SMS_BACKEND_2, debug=DEBUG)
SMS_GATEWAY_TOKEN_2 = read_messages.gateway_token(env, "SMS_GATEWAY_TOKEN_2", SMS_BACKEND_2, debug=DEBUG)
SMS_SENDER_2 = env.str("SMS_SENDER_2", default=SMS_SENDER)
SMS_FILE_PATH = env.str("SMS_FILE_PATH", default=str(BASE_DIR / "var" / "sms.jsonl"))
SMS_TIMEOUT = 10  # seconds for a whole request; well below the lease of a message
# Limits on SMS (`notifications/delivery/sms_limits.py`), in the currency of SMS_PRICES; days are UTC.
SMS_COUNTRIES = read_messages.countries(env)
SMS_PRICES = read_messages.prices(env)
SMS_DAILY_CAP = read.number(env, "SMS_DAILY_CAP", default=500, least=0, most=1_000_000_000)
SMS_PER_PACKAGE = read.whole(env, "SMS_PER_PACKAGE", default=20, least=1, most=1_000_000)
SMS_PER_NUMBER = read.whole(env, "SMS_PER_NUMBER", default=20, least=1, most=1_000_000)

MAILBOX_FILE = BASE_DIR / "var" / "mailbox.jsonl"
# The portal's own address, for links in messages; without it, messages contain no links.
PUBLIC_URL = read.public_url(env, debug=DEBUG)
NETWORK_NAME = env.str("NETWORK_NAME", default="Locker Portal")  # the signature of messages

# The functions that compose a message from a notification row, by the prefix of its subject.
NOTIFICATION_COMPOSERS = {
    "package": "packages_app.messaging.recipients.compose",
    "door": "packages_app.messaging.doors.compose",
    "returns": "packages_app.messaging.return_lists.compose",
    "repairs": "packages_app.messaging.repairs.compose",
    "webhook": "packages_app.messaging.webhooks.compose",
    "downtime": "packages_app.messaging.locations.compose_downtime",
    "location": "packages_app.messaging.locations.compose_location",
    "report": "packages_app.messaging.reports.compose",
    "sms_cap": "packages_app.messaging.sms_caps.compose",
}
# The keys with which providers sign delivery receipts, by provider.
RECEIPT_SECRETS = read_messages.receipt_secrets(env)
# With the delays of `notifications/channels/retry.py` 40 attempts take about a day; then the message is dead.
NOTIFICATION_MAX_ATTEMPTS = read.whole(env, "NOTIFICATION_MAX_ATTEMPTS", default=40, least=1, most=1000)
# In development an endpoint may use http and be on this machine; otherwise only https on the internet.
WEBHOOK_ALLOW_PRIVATE = read.boolean(env, "WEBHOOK_ALLOW_PRIVATE", default=DEBUG)
# Wake delivery after each commit; without it, the next sweep finds the messages a few seconds later.
NOTIFICATION_NUDGE = read.boolean(env, "NOTIFICATION_NUDGE", default=True)

# --- Sign-in, cookies, headers -------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "manage:locations"
LOGOUT_REDIRECT_URL = "login"
SESSION_ENGINE = "lockerportal.sessions"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 65_536  # bytes; no call needs more, and a longer body is refused
if not DEBUG:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    SECURE_SSL_REDIRECT = read.boolean(env, "SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
# Proxies whose X-Forwarded-For is trusted; it decides where a key is used from, if it is bound to networks.
TRUSTED_PROXIES = read.networks(env, "TRUSTED_PROXIES")
# The number of reverse proxies in front; if there are any, X-Forwarded-Proto is trusted.
TRUSTED_PROXY_COUNT = read.whole(env, "TRUSTED_PROXY_COUNT", default=0, least=0, most=5)
NINJA_NUM_PROXIES = TRUSTED_PROXY_COUNT
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Languages, times, files ---------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("pl", "Polski"),
    ("et", "Eesti"),
    ("lv", "Latviešu"),
    ("lt", "Lietuvių"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "lockerportal.date_formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = read.time_zone(env)

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# --- Logs, without codes and keys (`lockerportal/logs.py`) ---------------------------------------------

LOGGING = logs.configuration(read.log_level(env))
