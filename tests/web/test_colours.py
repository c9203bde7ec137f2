"""State colours can be told apart, by people who see fewer colours too, in both themes."""

from __future__ import annotations

import math
import re
from itertools import combinations
from pathlib import Path

import pytest

from orchestrator.core.states import RunState, TaskState

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
TOKENS, ICONS = (CSS / "tokens.css").read_text(), (CSS / "icons.css").read_text()
PALETTES = {
    theme: {name: pair[index] for name, *pair in re.findall(r"--s-(\w+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)}
    for index, theme in enumerate(("light", "dark"))
}
# Linear RGB as seen without the long or the medium cones (Viénot, Brettel and Mollon, 1999).
SIGHT = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "deuteranopia": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
}
ENOUGH = 10.0


def lab(colour: str, sight: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of ``#rrggbb`` as somebody with that sight sees it."""
    values = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    r, g, b = (min(1, max(0, sum(a * v for a, v in zip(row, linear, strict=True)))) for row in SIGHT[sight])
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """CIEDE2000."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    factor = 1 + 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    c1, c2 = math.hypot(a1 * factor, b1), math.hypot(a2 * factor, b2)
    h1, h2 = (math.degrees(math.atan2(b, a * factor)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    t = 1 - 0.17 * math.cos(math.radians(hue - 30)) + 0.24 * math.cos(math.radians(2 * hue))
    t += 0.32 * math.cos(math.radians(3 * hue + 6)) - 0.2 * math.cos(math.radians(4 * hue - 63))
    sl = 1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    spread = 60 * math.exp(-(((hue - 275) / 25) ** 2))
    rotation = -math.sin(math.radians(spread)) * 2 * math.sqrt(chroma**7 / (chroma**7 + 25**7))
    dl, dc = (l2 - l1) / sl, (c2 - c1) / sc
    return math.sqrt(dl**2 + dc**2 + (dh / sh) ** 2 + rotation * dc * dh / sh)


def test_every_state_has_a_colour_and_a_glyph_of_its_own():
    """Airflow's ``restarting`` is none of ours: what is cleared while it runs is ready again once it has stopped."""
    states = {*map(str, TaskState), *map(str, RunState)}
    assert set(PALETTES["light"]) == set(PALETTES["dark"]) == states
    glyphs = dict(re.findall(r"\.st-(\w+)[^{}]*{ --c: var\(--s-\1\); --g: (url\([^)]*\))", ICONS))
    assert set(glyphs) == states - {"none"}, "what nobody decided about is an outline"
    assert len(set(glyphs.values())) == len(glyphs)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", PALETTES)
def test_every_two_states_can_be_told_apart(theme: str, sight: str):
    palette = PALETTES[theme]
    seen = {name: lab(colour, sight) for name, colour in palette.items()}
    close = [(a, b, round(distance(seen[a], seen[b]), 1)) for a, b in combinations(seen, 2)]
    assert [each for each in close if each[2] <= ENOUGH] == []


def test_the_distance_is_the_published_one():
    """Pairs of Sharma, Wu and Dalal's test data."""
    assert distance((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert distance((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)
    assert distance((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619)) == pytest.approx(2.0373, abs=1e-4)
