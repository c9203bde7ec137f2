"""``python -m tests.screenshots [PAGE ...]``: look at the pages of :mod:`.pages`, light and dark, wide and narrow."""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.place import place
from bench.site import Site, site
from tests.support.servers import Redis

from .pages import IDS, PAGES, SCHEMES, WIDTHS

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
SIZES = (
    *("--dags", "60", "--runs", "60", "--lake-tasks", "300", "--mapped", "500", "--few-runs", "20", "--log-mb", "1"),
)
QUALITY = 45
"""Of WebP: some 25 kB for a page, and its text can still be read."""


def main() -> int:
    wanted = sys.argv[1:] or list(PAGES)
    if unknown := [name for name in wanted if name not in PAGES]:
        print(f"There is no page {', '.join(unknown)}; there are {', '.join(PAGES)}", file=sys.stderr)
        return 2
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        redis = Redis(Path(name) / "redis")
        redis.start()
        try:
            with place(Path(name) / "sqlite", "sqlite", redis, True) as where, site(where, *SIZES, alive=True) as at:
                refused = take(at, wanted)
        finally:
            redis.stop()
    for each in refused:
        print(each, file=sys.stderr)
    if wanted == list(PAGES):
        for file in IMAGES.glob("*.webp"):
            if file.stem.rsplit("-", 2)[0] not in PAGES:
                file.unlink()
    return 1 if refused else 0


def take(at: Site, names: list[str]) -> list[str]:
    """Write the pictures; return what went wrong, a line each."""
    ids = json.loads(at.manage(then=IDS).split("ids ")[-1])
    refused: list[str] = []
    for width, scheme in ((width, scheme) for width in WIDTHS for scheme in SCHEMES):
        with at.page(viewport=WIDTHS[width], color_scheme=scheme) as page:
            page.on("pageerror", lambda error, page=page: refused.append(f"{page.url}: {error}"))
            for name in names:
                if name == "sign-in":  # the last of them: whoever is signed in never sees it
                    page.context.clear_cookies()
                answer = page.goto(PAGES[name].format(**ids))
                page.wait_for_load_state("networkidle")
                if answer.status != 200:
                    refused.append(f"{name}: {answer.url} answered {answer.status}")
                (IMAGES / f"{name}-{scheme}-{width}.webp").write_bytes(picture(page))
    return refused


def picture(page: Any) -> bytes:
    page.evaluate("document.fonts.ready")
    session = page.context.new_cdp_session(page)
    found = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "optimizeForSpeed": False})
    session.detach()
    return base64.b64decode(found["data"])


if __name__ == "__main__":
    sys.exit(main())
