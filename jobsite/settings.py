"""Django settings. Every environment variable is read here and nowhere else."""

from __future__ import annotations

from pathlib import Path

import dj_database_url

from jobsite.env import env_bool, env_int, env_secret, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(env_str("SLUICEGATE_HOME", "./var")).absolute()
BIND = env_str("SLUICEGATE_BIND", "127.0.0.1:9000")
CONFIG_PATH = Path(env_str("SLUICEGATE_CONFIG", "./sluicegate.yaml")).absolute()
DEBUG = env_bool("SLUICEGATE_DEBUG")

SECRET_KEY = env_secret("SLUICEGATE_SECRET_KEY") or "made-on-first-start"
MASTER_KEY = env_secret("SLUICEGATE_MASTER_KEY") or ""
ALLOWED_HOSTS = ["*"]

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
    "django_q",
    "proxy",
    "jobs",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
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

_database_url = env_secret("DATABASE_URL")
if _database_url:
    DATABASES = {"default": dj_database_url.parse(_database_url, conn_max_age=None)}
else:
    DATABASES = {"default": {"ENGINE": "jobsite.sqlite", "NAME": HOME / "control.db", "CONN_MAX_AGE": None}}
if DATABASES["default"]["ENGINE"] in ("jobsite.sqlite", "django.db.backends.sqlite3"):
    DATABASES["default"]["ENGINE"] = "jobsite.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 15,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }

# -- the gateway -----------------------------------------------------------------------
REGION = env_str("SLUICEGATE_REGION", "us-east-1")
GATE_GRACE_SECONDS = env_int("SLUICEGATE_GATE_GRACE_SECONDS", 30)

# -- the engine ------------------------------------------------------------------------
LEASE_SECONDS = env_int("SLUICEGATE_LEASE_SECONDS", 60, least=1)
SLICE_SECONDS = env_int("SLUICEGATE_SLICE_SECONDS", 20, least=1)
FAILURE_RING = env_int("SLUICEGATE_FAILURE_RING", 200, least=1)
CLEANUP_GRACE_SECONDS = env_int("SLUICEGATE_CLEANUP_GRACE_SECONDS", 60)
JOB_WORKERS = env_int("SLUICEGATE_JOB_WORKERS", 2, least=1)

Q_CLUSTER = {
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
}

# -- storage: what jobsite.config read from sluicegate.yaml, as plain values ---------------
STORAGE = {
    "backends": {
        "local": {"type": "filesystem", "path": str(HOME / "local")},
        "archive": {"type": "filesystem", "path": str(HOME / "archive")},
    },
    "default_backend": "local",
    "buckets": {},
}
