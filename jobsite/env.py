"""Reading environment variables. Only `settings.py` calls these.

Each secret NAME may also come from the file that NAME_FILE names (Docker and systemd style).
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_ADDRESS = re.compile(r"[0-9.]+", re.ASCII)
LEAST_KEY_CHARACTERS = 16
"""A text that is shorter is no key, however it is stretched."""
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def env_bool(name: str, default: bool = False) -> bool:
    """Raises ImproperlyConfigured for anything that is not a plain yes or no."""
    text = os.environ.get(name)
    if text is None:
        return default
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}.")


def env_int(name: str, default: int, *, least: int = 0) -> int:
    """Raises ImproperlyConfigured for what is not a whole number of at least `least`."""
    text = os.environ.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}.") from None
    if value < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {value}.")
    return value


def env_secret(name: str) -> str | None:
    """NAME, or the text of the file NAME_FILE without its line end; None if neither is set."""
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and path:
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both.")
    if path:
        try:
            return Path(path).read_text().rstrip("\r\n")
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}.") from None
    return value or None


def env_key(name: str) -> str | None:
    """A secret of which a key is made; None if it is not set. Raises ImproperlyConfigured if it is short."""
    text = env_secret(name)
    if text is not None and len(text) < LEAST_KEY_CHARACTERS:
        raise ImproperlyConfigured(
            f"{name} must have 64 hex digits, or be a text of at least {LEAST_KEY_CHARACTERS} characters."
        )
    return text


def env_made(name: str, made: Path) -> str:
    """The secret NAME, else the one that the first start keeps in the file `made`, else ""."""
    given = env_secret(name)
    if given is not None:
        return given
    try:
        return made.read_text().strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ImproperlyConfigured(f"Cannot read {made}: {error.strerror}.") from None


def env_list(name: str, default: list[str]) -> list[str]:
    """Entries between commas."""
    text = os.environ.get(name)
    return default if text is None else [entry.strip() for entry in text.split(",") if entry.strip()]


def env_domains(name: str) -> tuple[str, ...]:
    """Host names between commas, in lower case. Raises ImproperlyConfigured for addresses and ports."""
    domains = tuple(entry.lower().removesuffix(".") for entry in env_list(name, []))
    for domain in domains:
        if not _DOMAIN.fullmatch(domain) or _ADDRESS.fullmatch(domain):
            raise ImproperlyConfigured(
                f"{name} must be a host name without scheme and port, like s3.example.org, not {domain!r}."
            )
    return domains


def env_networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks (10.0.0.0/8) between commas. Raises ImproperlyConfigured."""
    try:
        return tuple(ip_network(entry) for entry in env_list(name, []))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be addresses and networks: {error}.") from None


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of `choices`. Raises ImproperlyConfigured."""
    text = os.environ.get(name) or default
    if text not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def env_database(name: str) -> dict[str, Any] | None:
    """A database URL as Django's settings, None if it is not set: PostgreSQL or SQLite.

    Raises ImproperlyConfigured, without the URL, which may hold a password.
    """
    url = env_secret(name)
    if url is None:
        return None
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None))
    except ValueError:
        found = {}
    if found.get("ENGINE") not in ("django.db.backends.postgresql", "django.db.backends.sqlite3"):
        forms = "postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH"
        raise ImproperlyConfigured(f"{name} must be {forms}.")
    return found
