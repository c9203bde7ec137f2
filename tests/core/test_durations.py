from __future__ import annotations

import pytest

from orchestrator.core.durations import iso_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "PT0S"),
        (90, "PT1M30S"),
        (420, "PT7M"),
        (3600, "PT1H"),
        (86400, "P1D"),
        (90061.5, "P1DT1H1M1.5S"),
        (0.000001, "PT0.000001S"),
        (-60, "-PT1M"),
    ],
)
def test_a_span_is_written_as_iso_8601_does(seconds: float, text: str):
    assert iso_duration(seconds) == text
