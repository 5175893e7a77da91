"""Django settings. Every environment variable is read here and nowhere else.

Reading them writes nothing: what is made on the first start is `first_start.py`'s.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from jobsite import config
from jobsite.env import (
    env_bool,
    env_choice,
    env_database,
    env_domains,
    env_int,
    env_key,
    env_list,
    env_made,
    env_networks,
    env_secret,
    env_str,
)

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(env_str("SLUICEGATE_HOME", "./var")).absolute()
BIND = env_str("SLUICEGATE_BIND", "127.0.0.1:9000")
CONFIG_PATH = Path(env_str("SLUICEGATE_CONFIG", "./sluicegate.yaml")).absolute()
CONFIG_AT_START = env_str("SLUICEGATE_CONFIG_AT_START")  # what `serve` tells its children
DEBUG = env_bool("SLUICEGATE_DEBUG")

# -- secrets: from the environment, else what the first start put into the home ----------------
# Without either (before `prepare`) a process signs with a key of its own, which nobody shares.
_secret_key = env_made("SLUICEGATE_SECRET_KEY", HOME / "secret_key")
SECRET_KEY = _secret_key or secrets.token_urlsafe(48)
SECRET_KEY_SHARED = bool(_secret_key)
MASTER_KEY = env_made("SLUICEGATE_MASTER_KEY", HOME / "master_key")
DB_KEY = env_key("SLUICEGATE_DB_KEY")  # not the file `db_key`: its backend reads that at each connection
DB_NEW_KEY = env_key("SLUICEGATE_DB_NEW_KEY")
ROOT_ACCESS_KEY = env_secret("SLUICEGATE_ROOT_ACCESS_KEY")
ROOT_SECRET_KEY = env_secret("SLUICEGATE_ROOT_SECRET_KEY")
ADMIN_PASSWORD = env_secret("SLUICEGATE_ADMIN_PASSWORD")

# -- the web server --------------------------------------------------------------------
WEB_WORKERS = env_int("SLUICEGATE_WEB_WORKERS", os.cpu_count() or 1, least=1)
TLS_CERT = env_str("SLUICEGATE_TLS_CERT")
TLS_KEY = env_str("SLUICEGATE_TLS_KEY")
PUBLIC_URL = env_str("SLUICEGATE_PUBLIC_URL").rstrip("/")
TRUSTED_PROXIES = env_networks("SLUICEGATE_TRUSTED_PROXIES")
DRAIN_SECONDS = env_int("SLUICEGATE_DRAIN_SECONDS", 30)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "proxy",
    "jobs",
    "jobsite",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "jobsite.console_headers.ConsoleHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "jobsite.urls"
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
            ]
        },
    }
]
ASGI_APPLICATION = "jobsite.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/_/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # nothing to collect: the files are served from where they are
LOGIN_URL = "/_/login/"
LOGIN_REDIRECT_URL = "/_/"

ENVIRONMENT_LABEL = env_str("SLUICEGATE_ENVIRONMENT")  # shown in the header: "production"

# -- the console's safety --------------------------------------------------------------
# S3 clients name any host they like; the console's own forms are checked against its origin.
ALLOWED_HOSTS = env_list("SLUICEGATE_ALLOWED_HOSTS", ["*"])
HTTPS = bool(TLS_CERT) or PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
CSRF_COOKIE_PATH = SESSION_COOKIE_PATH = "/_/"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "sluicegate_session"
CSRF_COOKIE_NAME = "sluicegate_csrf"
SESSION_COOKIE_AGE = env_int("SLUICEGATE_SESSION_SECONDS", 12 * 3600, least=60)
SECURE_PROXY_SSL_HEADER = None  # the door sets the scheme, as trusted proxies tell it
SECURE_HSTS_SECONDS = env_int("SLUICEGATE_HSTS_SECONDS", 0)
X_FRAME_OPTIONS = "DENY"
CONSOLE_UPLOAD_BYTES = env_int("SLUICEGATE_CONSOLE_UPLOAD_BYTES", 5 * 1024**3, least=1)
FILE_UPLOAD_HANDLERS = ["jobsite.form_files.NamelessFiles"]
DATA_UPLOAD_MAX_NUMBER_FILES = 1000  # files of one upload; their bytes are bounded by the line above
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# -- the control database --------------------------------------------------------------
_sqlite: dict[str, Any] = {"ENGINE": "jobsite.sqlite", "NAME": HOME / "control.db", "CONN_MAX_AGE": None}
_database = env_database("DATABASE_URL") or _sqlite
if "sqlite" in _database["ENGINE"]:
    _database |= {
        "ENGINE": "jobsite.sqlite",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 15,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
        "TEST": {"NAME": HOME / "test_control.db"},  # a file: several processes use it
    }
DATABASES = {"default": _database}

# -- the gateway -----------------------------------------------------------------------
REGION = env_str("SLUICEGATE_REGION", "us-east-1")
DOMAINS = env_domains("SLUICEGATE_DOMAIN")
SSE_C_OVER_HTTP = env_bool("SLUICEGATE_SSE_C_OVER_HTTP")
GATE_GRACE_SECONDS = env_int("SLUICEGATE_GATE_GRACE_SECONDS", 30)
READ_IDLE_SECONDS = env_int("SLUICEGATE_READ_IDLE_SECONDS", 30, least=1)
WRITE_IDLE_SECONDS = env_int("SLUICEGATE_WRITE_IDLE_SECONDS", 60, least=1)
LEAST_UPLOAD_RATE = env_int("SLUICEGATE_LEAST_UPLOAD_RATE", 1024)
SHORT_THREADS = env_int("SLUICEGATE_SHORT_THREADS", 16, least=1)
STREAM_THREADS = env_int("SLUICEGATE_STREAM_UPLOADS", 128, least=1)
PIPE_BYTES = env_int("SLUICEGATE_PIPE_BYTES", 1024 * 1024, least=64 * 1024)
ACCESS_LOG = env_bool("SLUICEGATE_ACCESS_LOG", True)

# -- the engine ------------------------------------------------------------------------
LEASE_SECONDS = env_int("SLUICEGATE_LEASE_SECONDS", 60, least=1)
SLICE_SECONDS = env_int("SLUICEGATE_SLICE_SECONDS", 20, least=1)
FAILURE_RING = env_int("SLUICEGATE_FAILURE_RING", 200, least=1)
CLEANUP_GRACE_SECONDS = env_int("SLUICEGATE_CLEANUP_GRACE_SECONDS", 60)
RUN_RING = env_int("SLUICEGATE_RUN_RING", 500, least=1)
JOB_WORKERS = env_int("SLUICEGATE_JOB_WORKERS", 2, least=1)
EVENT_WORKERS = env_int("SLUICEGATE_EVENT_WORKERS", 1, least=1)
# By kind, the bounds of `jobs.engine.limits.Limits` that differ: {"migrate": {"failed_share": 0.1}}.
JOB_LIMITS: dict[str, dict[str, Any]] = {}
FREEZE_SECONDS = env_int("SLUICEGATE_FREEZE_SECONDS", 30, least=3)

Q_CLUSTER: dict[str, Any] = {
    "name": "sluicegate",
    "orm": "default",
    "workers": JOB_WORKERS,
    "timeout": 120,
    "retry": 600,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "bulk": 1,
    "queue_limit": JOB_WORKERS,
    "poll": 0.2,
    "catch_up": False,
    "scheduler": False,
    # By lane of the queue, what differs in the cluster that serves it.
    "ALT_CLUSTERS": {"events": {"workers": EVENT_WORKERS, "queue_limit": EVENT_WORKERS}},
}

# -- the admin API ---------------------------------------------------------------------
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sluicegate",
    "DESCRIPTION": "The admin API for background jobs on buckets.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}


# -- storage: what sluicegate.yaml declares, as plain values ---------------------------------
def _storage() -> dict[str, Any]:
    """`manage.py rules`, which tells what is wrong with the file, goes without backends if it must."""
    try:
        return config.load(Path(CONFIG_AT_START or CONFIG_PATH), HOME, os.environ).plain(HOME)
    except config.ConfigError:
        if sys.argv[1:2] != ["rules"]:
            raise
    return {"backends": {}, "default_backend": "", "buckets": {}}


STORAGE = _storage()
INDEX_COPY_HOURS = env_int("SLUICEGATE_INDEX_COPY_HOURS", 24)
for _options in STORAGE["backends"].values():
    if _options["type"] == "filesystem":
        _options["copy_hours"] = INDEX_COPY_HOURS

# -- rules: what the same file declares whenever it is asked, for a reload -------------------
RULES_SOURCE = str(CONFIG_PATH)


def LOAD_RULES() -> dict[str, Any]:
    """As `config.load_rules`: the rules of the file as it is now. Raises ConfigError."""
    return config.load_rules(CONFIG_PATH, HOME, os.environ)


# -- logs: one line per event on stderr, plain or JSON ---------------------------------------
LOG_FORMAT = env_choice("SLUICEGATE_LOG_FORMAT", "plain", ("plain", "json"))
LOG_LEVEL = env_choice("SLUICEGATE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "jobsite.logs.PlainFormatter"},
        "json": {"()": "jobsite.logs.JsonFormatter"},
        "bare": {"format": "%(message)s"},  # the access log writes JSON itself
    },
    "filters": {"quiet": {"()": "jobsite.logs.WithoutProbes"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT},
        "access": {"class": "logging.StreamHandler", "formatter": "bare", "filters": ["quiet"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "sluicegate.access": {"handlers": ["access"], "propagate": False},
        "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "python_multipart": {"handlers": [], "level": "ERROR", "propagate": True},  # bad forms are no event
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
