"""Django's settings, read from the environment through :mod:`orchestrator.env`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url

from . import env
from .compat import airflow_cfg
from .keys import load_or_make

BASE_DIR = Path(__file__).resolve().parent.parent
airflow_cfg.apply(os.environ)
ORCH = env.read()
if not os.environ.get("PLUGINS_FOLDER"):
    given = os.environ.get("AIRFLOW__CORE__PLUGINS_FOLDER")
    is_project = (ORCH.dags_folder / "dags").is_dir() and (ORCH.dags_folder / "plugins").is_dir()
    beside = ORCH.dags_folder if is_project else ORCH.dags_folder.parent
    ORCH.plugins_folder = env.path(given) if given else beside / "plugins"

SECRET_KEY = os.environ.get("SECRET_KEY") or load_or_make(ORCH.home / "keys" / "secret_key")
DEBUG = False
VISIBLE_DAGS = "orchestrator.access.visible_dags"
"""Which DAGs somebody may see, for what tells her of them by itself; by name, since it lies above who asks."""
ALLOWED_HOSTS = [*ORCH.allowed_hosts, "127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = ORCH.trusted_origins

INSTALLED_APPS = [
    "orchestrator.web.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "rest_framework",
    "channels",
    "dags_app.apps.DagsConfig",
    "runs_app.apps.RunsConfig",
    "orchestrator.web.apps.WebConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "orchestrator.web.headers.ContentSecurityPolicy",
    "orchestrator.web.staticfiles.StaticFiles",
    "orchestrator.web.headers.Compressed",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "orchestrator.web.languages.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "orchestrator.web.headers.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "orchestrator.urls"
ASGI_APPLICATION = "orchestrator.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n"],  # every text of a page is marked
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


def database() -> dict[str, Any]:
    """Return the default database: DATABASE_URL, or SQLite in the home."""
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{ORCH.home / 'orchestrator.sqlite3'}"
    found: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None))
    options = dict(found.get("OPTIONS") or {})
    if found["ENGINE"] == "django.db.backends.sqlite3":
        # Without IMMEDIATE a transaction that reads and then writes fails at once under contention.
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
        }
        Path(found["NAME"]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        found["TEST"] = {"NAME": f"{found['NAME']}.test"}  # a file, so that threads and processes of a test share it
    else:
        limits = "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"
        # The threshold only lets the engine's own statements be prepared; Django's are bound on the client.
        ours = {"connect_timeout": 5, "options": limits, "application_name": "orchestrator", "prepare_threshold": 5}
        options = ours | options
        # A connection that the server closed while it was idle is replaced at its next use, not an error.
        found["CONN_HEALTH_CHECKS"] = False
    return found | {"OPTIONS": options}


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL") or f"unix://{ORCH.home / 'redis' / 'redis.sock'}"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL}], "prefix": "orchestrator"},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ORCH.https
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "orchestrator.web.views.errors.csrf_failed"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if ORCH.https else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ORCH.https else None
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other hosts of the domain, and browsers' lists, are its owner's to decide about
    "security.W021",
    "security.W008",  # the proxy that ends TLS sends plain HTTP to HTTPS; nothing else reaches us
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orchestrator.api.auth.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "orchestrator.api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "orchestrator" / "web" / "locale"]
FORMAT_MODULE_PATH = "orchestrator.web.formats"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = ORCH.https
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ORCH.home / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "orchestrator.web.staticfiles.HashedFiles"},
}
WHITENOISE_USE_FINDERS = False

CELERY_BEAT_SCHEDULER = "runs_app.beat:DueScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": ORCH.log_level},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "ERROR"},  # a stopping worker warns of each invitation it leaves to others
        "uvicorn": {"level": "WARNING", "propagate": True},
        "watchfiles": {"level": "WARNING"},
    },
}
