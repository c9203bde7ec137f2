"""Failures of one kind have one fingerprint whatever is noise in them, and different kinds have different ones."""

from __future__ import annotations

import random
import uuid

from orchestrator.core import fingerprints

KINDS = [  # (file, function, message): {n} a number, {u} an id, {t} a time, {h} a host, {p} a folder, {x} an address
    ("etl.py", "divide", "ZeroDivisionError: division by zero"),
    ("etl.py", "divide", "ZeroDivisionError: float division by zero"),
    ("etl.py", "load", "ZeroDivisionError: division by zero"),
    ("etl.py", "load", "KeyError: 'customer'"),
    ("etl.py", "load", "KeyError: 'order'"),
    ("etl.py", "load", "ValueError: invalid literal for int() with base {n}: 'abc'"),
    ("etl.py", "load", "ValueError: row {n} of {n} has no column total"),
    ("etl.py", "load", "ValueError: row {n} of {n} has no column name"),
    ("api.py", "fetch", "requests.exceptions.HTTPError: status 404 for url: https://api/{u}"),
    ("api.py", "fetch", "requests.exceptions.HTTPError: status 500 for url: https://api/{u}"),
    ("api.py", "fetch", "TimeoutError: no answer of {h} within {n} s"),
    ("api.py", "fetch", "ConnectionRefusedError: [Errno 111] Connection refused by {h}"),
    ("api.py", "fetch", "ConnectionResetError: [Errno 104] Connection reset by {h}"),
    ("api.py", "parse", "json.decoder.JSONDecodeError: Expecting value: line {n} column {n} (char {n})"),
    ("api.py", "parse", "json.decoder.JSONDecodeError: Extra data: line {n} column {n} (char {n})"),
    ("db.py", "query", "psycopg.errors.DeadlockDetected: deadlock detected, process {n} waits for {n} at {t}"),
    ("db.py", "query", 'psycopg.errors.UndefinedTable: relation "orders" does not exist'),
    ("db.py", "query", 'psycopg.errors.UndefinedTable: relation "items" does not exist'),
    ("db.py", "query", "psycopg.errors.UniqueViolation: key (id)=({n}) exists"),
    ("db.py", "connect", "psycopg.OperationalError: connection to server at {h} failed: timeout expired"),
    ("files.py", "read", "FileNotFoundError: [Errno 2] No such file or directory: '{p}/orders.csv'"),
    ("files.py", "read", "FileNotFoundError: [Errno 2] No such file or directory: '{p}/items.csv'"),
    ("files.py", "read", "PermissionError: [Errno 13] Permission denied: '{p}/orders.csv'"),
    ("files.py", "write", "OSError: [Errno 28] No space left on device"),
    ("bash.py", "execute", "AirflowException: Bash command failed. The command returned a non-zero exit code 1."),
    ("bash.py", "execute", "AirflowException: Bash command failed. The command returned a non-zero exit code 137."),
    ("model.py", "fit", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
    ("model.py", "fit", "AttributeError: <Model object at {x}> has no attribute 'weights'"),
    ("", "", "the task's process ended without a result: SIGKILL"),
    ("", "", "the task's process ended without a result: exit code 3"),
]


def told(kind: tuple[str, str, str], noise: random.Random) -> tuple[str, str]:
    """One failure of a kind: its reason and its traceback, with everything that differs from time to time."""
    file, function, message = kind
    while "{" in message:
        before, _, rest = message.partition("{")
        name, _, after = rest.partition("}")
        message = before + made(name, noise) + after
    if not file:
        return message, ""
    folder = f"/srv/versions/{noise.getrandbits(256):064x}"
    frames = f'  File "/usr/lib/runtime/child.py", line {noise.randint(1, 400)}, in _execute\n    work()\n'
    frames += f'  File "{folder}/{file}", line {noise.randint(1, 400)}, in {function}\n    x = {noise.random()}\n'
    frames += "        ~~^~~\n" if noise.random() < 0.5 else ""
    cause = f"Traceback (most recent call last):\n{frames}KeyError: {noise.randint(0, 9)}\n\nDuring handling of the above:\n\n"
    first = cause if noise.random() < 0.3 else ""
    return message, f"Task failed with exception\n{first}Traceback (most recent call last):\n{frames}{message}"


def made(name: str, noise: random.Random) -> str:
    number = noise.randint(1, 10**6)
    return {
        "n": str(number) if noise.random() < 0.5 else f"{number}.{number}",
        "u": str(uuid.UUID(int=noise.getrandbits(128))),
        "t": f"2026-0{noise.randint(1, 9)}-1{noise.randint(0, 9)}T0{noise.randint(0, 9)}:11:12.{number}+00:00",
        "h": f"10.0.{noise.randint(0, 255)}.{noise.randint(0, 255)}:{noise.randint(1, 65535)}",
        "p": f"/data/{number}/run_{number}",
        "x": hex(noise.getrandbits(48)),
    }[name]


def test_thirty_kinds_of_errors_with_noise_are_thirty_groups():
    noise = random.Random(7)
    found = [{fingerprints.of(*told(kind, noise)).digest for _ in range(40)} for kind in KINDS]
    assert [len(each) for each in found] == [1] * 30, [k for k, each in zip(KINDS, found, strict=True) if len(each) > 1]
    assert len(set().union(*found)) == 30


def test_the_last_traceback_counts_and_its_message_is_the_title():
    found = fingerprints.of("x", told(KINDS[3], random.Random(1))[1])
    assert (found.title, found.place) == ("KeyError: 'customer'", "etl.py, in load")


def test_whatever_it_is_given_it_answers():
    for reason, trace in (("", ""), ("\0" * 10, fingerprints.BEGIN), ("x" * 10**5, 'File "a", line 1, in b\n' * 999)):
        assert len(fingerprints.of(reason, trace).digest) == 64
    assert fingerprints.of("", "").title == "no reason was given"
