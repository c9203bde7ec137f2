"""Small functions that provider packages call, beside those of ``helpers`` that DAG files know, too."""

from __future__ import annotations

import functools
import inspect
import os
import pkgutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.sdk.params import NOTSET


def is_arg_set(value: Any) -> bool:
    return value is not NOTSET


def get_random_string(
    length: int = 8, choices: str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
) -> str:
    import secrets

    return "".join(secrets.choice(choices) for _ in range(length))


def qualname(o: Any, use_qualname: bool = False, exclude_module: bool = False) -> str:
    """The dotted name of a class, function or object."""
    if callable(o) and hasattr(o, "__module__") and hasattr(o, "__qualname__"):
        name = o.__qualname__ if use_qualname or exclude_module else o.__name__
        return name if exclude_module else f"{o.__module__}.{name}"
    kind = type(o)
    return kind.__qualname__ if exclude_module else f"{kind.__module__}.{kind.__name__}"


def iter_namespace(ns: Any) -> Iterator[Any]:
    return pkgutil.iter_modules(ns.__path__, ns.__name__ + ".")


def is_valid_dotpath(path: Any) -> bool:
    return isinstance(path, str) and all(part.isidentifier() for part in path.split("."))


def getuser() -> str:
    """The name of the user that this process runs as, or its number."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def get_hostname() -> str:
    import socket

    return socket.getfqdn()


def md5(__string: bytes = b"") -> Any:
    """A checksum, for no secret."""
    import hashlib

    return hashlib.md5(__string, usedforsecurity=False)


@contextmanager
def patch_environ(new_env_variables: dict[str, str]) -> Generator[None, None, None]:
    """Have these in the environment for a while."""
    before = {name: os.environ.get(name) for name in new_env_variables}
    os.environ.update(new_env_variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def add_deprecated_classes(*args: Any, **kwargs: Any) -> None:
    """Old names within a package of Airflow's own: those are in our table."""


def is_async_callable(func: Callable[..., Any]) -> bool:
    while isinstance(func, functools.partial):
        func = func.func
    return inspect.iscoroutinefunction(inspect.unwrap(func))


def context_merge(context: Any, *args: Any, **kwargs: Any) -> None:
    """Add to a running task's context."""
    context.update(*args, **kwargs)


def redact(value: Any, name: str | None = None, max_depth: int | None = None, **ignored: Any) -> Any:
    """Return what may be shown: under names that say so (``password``, ``token`` ...) a text becomes ``***``."""
    if name is not None and should_hide_value_for_key(name):
        return "***" if isinstance(value, str) else value if value is None else "***"
    if isinstance(value, dict):
        return {key: redact(each, str(key)) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(redact(each) for each in value)
    return value


SECRET_WORDS = ("access_token", "api_key", "apikey", "authorization", "passphrase", "passwd", "password")
SECRET_WORDS += ("private_key", "secret", "token", "keyfile_dict", "service_account")


def should_hide_value_for_key(name: Any) -> bool:
    return isinstance(name, str) and any(word in name.strip().lower() for word in SECRET_WORDS)


def expand_alias_to_assets(*args: Any, **kwargs: Any) -> list[Any]:
    """An alias by itself names no asset; which ones it stands for, the engine knows."""
    return []
