"""Time spans in words of ISO 8601."""

from __future__ import annotations


def iso_duration(seconds: float) -> str:
    """Return a span as ISO 8601 writes it, days apart and no longer units: ``P1DT2H``, ``PT1M30S``, ``PT0S``."""
    sign = "-" if seconds < 0 else ""
    whole, micro = divmod(round(abs(seconds) * 1_000_000), 1_000_000)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    fraction = f".{micro:06d}".rstrip("0") if micro else ""
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if left or fraction or not (time or days):
        time += f"{left}{fraction}S"
    return f"{sign}P{f'{days}D' if days else ''}{f'T{time}' if time else ''}"
