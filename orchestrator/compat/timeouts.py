"""``with timeout(seconds):`` ends what takes longer."""

from __future__ import annotations

import signal
from typing import Any

from orchestrator.sdk.exceptions import AirflowTaskTimeout


class timeout:
    """Raises in the main thread when the time is over; a timer that was set before goes on afterwards."""

    def __init__(self, seconds: float = 1, error_message: str = "Timeout") -> None:
        self.seconds, self.error_message = seconds, error_message

    def _over(self, *ignored: Any) -> None:
        raise AirflowTaskTimeout(self.error_message)

    def __enter__(self) -> timeout:
        self._handler = signal.signal(signal.SIGALRM, self._over)
        # execution_timeout uses the same timer: what is left of it comes back at the end.
        self._rest = signal.setitimer(signal.ITIMER_REAL, self.seconds)[0]
        return self

    def __exit__(self, *error: object) -> None:
        used = self.seconds - signal.setitimer(signal.ITIMER_REAL, 0)[0]
        signal.signal(signal.SIGALRM, self._handler)
        if self._rest:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, self._rest - used))
