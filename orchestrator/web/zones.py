"""The time zone that a reader chose: her browser keeps it in a cookie, so that the server reads typed times in it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext

COOKIE = "zone"


def chosen(request: HttpRequest) -> tzinfo:
    """Return the reader's zone; UTC where the cookie names none that is known."""
    name = unquote(request.COOKIES.get(COOKIE, ""))
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, LookupError):
        return UTC


def read(text: str, zone: tzinfo) -> datetime:
    """Read a time as a form or a link wrote it; without an offset it is of the reader's zone.

    Raises:
        ValueError: it is no time.
    """
    text = text.strip().replace("\0", "")
    if len(text) > 25 and text[-6] == " ":  # a plus sign that a link did not escape
        text = f"{text[:-6]}+{text[-5:]}"
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(gettext("the time is outside the calendar")) from error
