"""How pages show states, times, durations, sizes and values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import dateformat
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from orchestrator.core.said import Said
from orchestrator.web import zones
from orchestrator.web.modules import needed
from orchestrator.web.places import SHORTCUTS
from orchestrator.web.text import markdown

register = template.Library()

WORDS = {"none": "no status", "upstream_failed": "upstream failed"}


@register.filter
def words(state: str | None) -> str:
    """A state as people read it."""
    text = state or "none"
    return WORDS.get(text, text.replace("_", " "))


@register.simple_tag
def dot(state: str | None) -> SafeString:
    """A state as its coloured glyph; the word stands beside it or in its title."""
    return format_html('<i class="st st-{}" title="{}"></i>', state or "none", words(state))


@register.simple_tag
def state(value: str | None) -> SafeString:
    """A state as glyph and word."""
    return format_html('<span class="state"><i class="st st-{}"></i>{}</span>', value or "none", words(value))


@register.simple_tag
def modules(*names: str) -> SafeString:
    """Ask for scripts and all that they import beside the page's other files, not one after the other."""
    paths = dict.fromkeys(path for name in names for path in needed(f"js/{name}"))
    return format_html_join("\n  ", '<link rel="modulepreload" href="{}">', ((static(path),) for path in paths))


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html('<i class="ic ic-{}" aria-hidden="true"></i>', name)


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@register.simple_tag
def moment(value: datetime | None, form: str = "") -> SafeString:
    """A time; a script shows it in the chosen zone. ``form`` is "", "ago" (relative) or "short"."""
    if value is None:
        return mark_safe('<span class="faint">–</span>')
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" data-form="{}">{}</time>', _iso(value), form, text)


@register.simple_tag(takes_context=True)
def at(context: dict[str, Any], value: datetime) -> str:
    """A time as plain text in the reader's zone: the script that does it elsewhere cannot write into an option."""
    return value.astimezone(zones.chosen(context["request"])).strftime("%Y-%m-%d %H:%M")


@register.filter
def is_past(value: datetime | None) -> bool:
    return value is not None and value < datetime.now(UTC)


@register.simple_tag
def lasted(start: datetime | None, end: datetime | None) -> SafeString:
    """How long something took, or a clock that runs while it goes on."""
    if start is None:
        return mark_safe('<span class="faint">–</span>')
    if end is None:
        now = datetime.now(UTC)
        return format_html('<span data-since="{}">{}</span>', _iso(start), duration((now - start).total_seconds()))
    return format_html("<span>{}</span>", duration((end - start).total_seconds()))


@register.filter
def noted(text: str | None) -> SafeString:
    """A note: Markdown, as in Airflow."""
    return markdown(text, breaks=True)


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as ``1h 02m 03s``, short ones with a fraction."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m {rest:02d}s"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


@register.simple_tag
def clock(value: datetime) -> SafeString:
    """A time near by: the hour, with the day where that is another one."""
    near = abs((value - datetime.now(UTC)).total_seconds()) < NEAR_SECONDS
    return moment(value, "axis" if near else "axis-day")


NEAR_SECONDS = 16 * 3600


@register.filter
def roughly(seconds: float) -> str:
    """A span that is not known well: ``40 s``, ``12 min``, ``3 h 10 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds)):d} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(round(minutes, -1), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


@register.filter
def late_by(late: Any) -> SafeString:
    """A deadline that a forecast says will be missed, or may be."""
    if late.is_timeout:
        said = gettext("will be timed out at {at}") if late.is_sure else gettext("may be timed out at {at}")
    else:
        said = gettext("will miss {at} by about {span}") if late.is_sure else gettext("may miss {at} by about {span}")
    of = format_html("{}: ", late.task_id) if late.task_id else ""
    return format_html("<span>{}{}</span>", of, format_html(said, at=clock(late.at), span=roughly(late.seconds)))


@register.filter
def size(count: float | None) -> str:
    """Bytes as text."""
    if count is None:
        return "–"
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


@register.filter
def told(text: Any) -> Any:
    """A sentence of the engine in the reader's language, and before it what is put into it."""
    if not isinstance(text, Said):
        return text
    values = {name: told(value) for name, value in text.values.items()}
    return gettext(text.pattern).format(**values) if values else gettext(text.pattern)


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def item(mapping: Any, key: str) -> Any:
    return mapping.get(key) if mapping else None


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The page's own query string with some values changed; None takes one away. The page number never survives."""
    request: HttpRequest = context["request"]
    values = request.GET.copy()
    values.pop("part", None)
    if "page" not in changes:
        values.pop("page", None)
    for name, value in changes.items():
        if value is None or value == "":
            values.pop(name, None)
        else:
            values[name] = str(value)
    return "?" + values.urlencode() if values else request.path


@register.simple_tag(takes_context=True)
def part(context: dict[str, Any], name: str) -> str:
    """The address of one part of this very page, filters included."""
    request: HttpRequest = context["request"]
    values = request.GET.copy()
    values["part"] = name
    return f"{request.path}?{values.urlencode()}"


@register.simple_tag(takes_context=True)
def sortable(context: dict[str, Any], name: str, label: str) -> SafeString:
    """The head of a column that the list can be sorted by; a second click turns the order round."""
    now = context["request"].GET.get("order", "")
    turned = {name: "ascending", f"-{name}": "descending"}.get(now, "none")
    to = query(context, order=f"-{name}" if now == name else name)
    mark = {"ascending": " ↑", "descending": " ↓"}.get(turned, "")
    return format_html('<th scope="col" aria-sort="{}"><a href="{}">{}{}</a></th>', turned, to, label, mark)


@register.filter
def exactly(value: datetime) -> str:
    """A time for an address, to the microsecond: what happened then has happened at it."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


@register.filter
def iso(value: datetime) -> str:
    """A time for an address, with its offset."""
    return value.isoformat(timespec="milliseconds")


@register.simple_tag
def wall(value: datetime | None, zone: tzinfo) -> str:
    """A time as a field of a form takes it, in the reader's zone; nothing for no time."""
    return f"{value.astimezone(zone):%Y-%m-%dT%H:%M:%S}" if value else ""


@register.filter
def cell_name(cell: Any, hourly: bool) -> str:
    """A day or an hour of the calendar in words; the template engine would turn its time into the server's zone."""
    if hourly:
        return gettext("{start} to {end}").format(start=f"{cell.start:%Y-%m-%d %H:%M}", end=f"{cell.end:%H:%M}")
    return f"{dateformat.format(cell.start, 'l')} {cell.start:%Y-%m-%d}"


@register.filter
def wordlist(text: str) -> list[str]:
    """The words of a text, to loop over."""
    return text.split()


@register.filter
def schedule(dag: Any) -> str:
    """A DAG's schedule in its own words; what has none runs by hand."""
    return dag.timetable_summary if dag.timetable_summary not in {None, "", "None"} else gettext("by hand")


@register.simple_tag
def shortcuts() -> Any:
    """The keys of the help sheet, by where they work."""
    return SHORTCUTS


@register.simple_tag
def bars(row: Any) -> SafeString:
    """The last runs of a DAG as bars that lead to them. Not a template: a list shows hundreds, and it must be quick."""
    if not row.bars:
        return mark_safe("")
    base = escape(reverse("dag", args=[row.dag.dag_id]))
    drawn = [f'<rect class="none" x="{x}" y="24" width="6" height="2" rx="1"/>' for x in row.gaps]
    for bar in row.bars:
        title = (
            f"{bar['state']} · {bar['run_after'].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC · {duration(bar['seconds'])}"
        )
        drawn.append(
            f'<a href="{base}/runs/{escape(quote(bar["run_id"], safe=SAFE))}" tabindex="-1"><title>{title}</title>'
            f'<rect class="hit" x="{bar["x"]}" y="-2" width="8" height="30"/><rect class="b b-{bar["state"]}" x="{bar["x"]}" '
            f'y="{bar["y"]}" width="6" height="{bar["height"]}" rx="1.5"/></a>'
        )
    label = escape(gettext("Last {count} runs").format(count=len(row.bars)))
    head = f'<svg class="bars" viewBox="0 -2 112 30" role="group" aria-label="{label}">'
    return mark_safe(f"{head}{''.join(drawn)}</svg>")


SAFE = "/~:@!$&'()*+,;="
"""What Django leaves in an address as it is."""
LINE = 160


@register.filter
def plainly(value: Any) -> str:
    """What is noted beside an event as people write it: a list with commas, yes and no, a dash for nothing."""
    if value is None or value == [] or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plainly, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {plainly(each)}" for name, each in value.items())
    return str(value)


@register.filter
def is_text_of_lines(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


@register.filter
def backticked(text: str) -> SafeString:
    """A sentence in the reader's language whose `words` of code are shown as such."""
    parts = gettext(text).split("`")
    shown = [format_html("<code>{}</code>", part) if at % 2 else escape(part) for at, part in enumerate(parts)]
    return mark_safe("".join(shown) if len(parts) % 2 else escape("`".join(parts)))


@register.filter
def one_line(value: Any) -> str:
    """A value as one short line of JSON."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LINE else f"{text[:LINE]}…"


@register.simple_tag(takes_context=True)
def column(context: dict[str, Any], name: str, label: str, css: str = "") -> SafeString:
    """The head of a column by which one can sort; the second click turns the order round."""
    now = str(context.get("sort") or "")
    up, down = now == name, now == f"-{name}"
    address = query(context, sort=f"-{name}" if up or not down else name)
    order = "ascending" if up else "descending" if down else "none"
    arrow = mark_safe(' <i aria-hidden="true">↑</i>' if up else ' <i aria-hidden="true">↓</i>' if down else "")
    return format_html(
        '<th scope="col" class="sort {}" aria-sort="{}"><a href="{}">{}{}</a></th>', css, order, address, label, arrow
    )
