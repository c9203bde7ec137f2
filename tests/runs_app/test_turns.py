"""Threads of one process that would wait for one row's lock wait for each other, and nobody waits for who is gone."""

from __future__ import annotations

import os
import threading

import pytest
from django.db import connection

from runs_app import locking


@pytest.fixture(autouse=True)
def no_transaction(transactional_db):
    assert not connection.in_atomic_block


def enter(name, entered):
    with locking.turn(name):
        entered.set()
    connection.close()


def test_the_next_thread_begins_when_the_first_is_through():
    entered = threading.Event()
    other = threading.Thread(target=enter, args=("a", entered))
    with locking.turn("a"):
        other.start()
        assert not entered.wait(0.05)
    assert entered.wait(10)
    other.join()


def test_who_waits_too_long_leaves_it_to_the_database(monkeypatch):
    monkeypatch.setattr(locking, "TURN_SECONDS", 0.01)
    entered = threading.Event()
    other = threading.Thread(target=enter, args=("a", entered))
    with locking.turn("a"):
        other.start()
        assert entered.wait(10)
        other.join()
    assert not any(lock.locked() for lock in locking._turns)


def test_a_fork_finds_every_turn_free():
    with locking.turn("a"):
        child = os.fork()
        if child == 0:
            os._exit(int(any(lock.locked() for lock in locking._turns)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
