"""What a failure means for the tries that are left, by the exception that was raised."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any

log = logging.getLogger("orchestrator.task")


class RetryAction(Enum):
    """What follows a failure. A retry is made only while the task has one left."""

    RETRY = "retry"
    FAIL = "fail"
    DEFAULT = "default"


class RetryDecision:
    """A policy's answer: what follows, after how long (None = as the task says), and why."""

    def __init__(
        self,
        action: RetryAction = RetryAction.DEFAULT,
        retry_delay: timedelta | None = None,
        reason: str | None = None,
    ) -> None:
        self.action, self.retry_delay, self.reason = action, retry_delay, reason

    @classmethod
    def fail(cls, reason: str | None = None) -> RetryDecision:
        return cls(RetryAction.FAIL, None, reason)

    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> RetryDecision:
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def default(cls) -> RetryDecision:
        return cls()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RetryDecision) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.action, self.retry_delay, self.reason))

    def __repr__(self) -> str:
        return f"RetryDecision(action={self.action}, retry_delay={self.retry_delay!r}, reason={self.reason!r})"


class RetryPolicy:
    """Base of policies; ``evaluate`` runs in the task's own process, after it failed.

    It is not asked about ``AirflowFailException`` and ``AirflowSensorTimeout``, which always fail the task.
    """

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        raise NotImplementedError(f"{type(self).__name__} defines no evaluate()")


class RetryRule:
    """One or several exceptions, as classes or dotted names, and what follows them."""

    def __init__(
        self,
        exception: type[BaseException] | str | Sequence[type[BaseException] | str],
        action: RetryAction = RetryAction.RETRY,
        retry_delay: timedelta | None = None,
        reason: str | None = None,
        match_subclasses: bool = True,
    ) -> None:
        self.exception, self.action, self.reason = exception, RetryAction(action), reason
        self.retry_delay, self.match_subclasses = retry_delay, match_subclasses
        for each in self._given():
            if isinstance(each, str):
                if "." not in each.strip("."):
                    raise ValueError(
                        f"RetryRule: {each!r} is no dotted name of an exception, e.g. 'builtins.ValueError'"
                    )
            elif not (isinstance(each, type) and issubclass(each, BaseException)):
                raise TypeError(f"RetryRule: {each!r} is neither an exception class nor the dotted name of one")
        if retry_delay is not None and not isinstance(retry_delay, timedelta):
            raise TypeError(f"RetryRule: retry_delay must be a timedelta, not {retry_delay!r}")

    def _given(self) -> list[type[BaseException] | str]:
        given = self.exception
        return list(given) if isinstance(given, (list, tuple, set)) else [given]  # type: ignore[list-item]

    @property
    def exception_path(self) -> str:
        names = [each if isinstance(each, str) else f"{each.__module__}.{each.__qualname__}" for each in self._given()]
        return ",".join(names)

    def matches(self, exc: BaseException) -> bool:
        classes = tuple(self._classes())
        return isinstance(exc, classes) if self.match_subclasses else type(exc) in classes

    def _classes(self) -> Iterable[type[BaseException]]:
        for each in self._given():
            if not isinstance(each, str):
                yield each
                continue
            module, _, name = each.rpartition(".")
            try:
                yield getattr(importlib.import_module(module), name)
            except (ImportError, AttributeError):  # a library that is not here cannot have raised it
                log.warning("The retry policy names %s, which cannot be imported here: it matches nothing", each)


class ExceptionRetryPolicy(RetryPolicy):
    """The first rule that matches the exception decides; ``default`` where none does."""

    def __init__(self, rules: Sequence[RetryRule], default: RetryAction = RetryAction.DEFAULT) -> None:
        self.rules, self.default = list(rules), RetryAction(default)

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        for rule in self.rules:
            if rule.matches(exception):
                reason = rule.reason or f"Matched rule for {type(exception).__name__}"
                return RetryDecision(rule.action, rule.retry_delay, reason)
        return RetryDecision(self.default)
