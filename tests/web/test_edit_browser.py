"""The editor of a DAG file in a real browser: its colours follow what is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import factories

from .conftest import sign_in
from .test_browser import browser, chromium, needs_chromium  # noqa: F401
from .test_edit import EDIT, GOOD

pytestmark = needs_chromium


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose files the web server may edit: it reads its environment when it starts, so this stands before it."""
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "shop.py").write_text(GOOD)
    monkeypatch.setenv("ORCHESTRATOR_EDIT_DAGS", "true")
    monkeypatch.setenv("DAGS_FOLDER", str(tmp_path))


@pytest.mark.usefixtures("folder")
def test_what_is_typed_is_coloured_and_sent_as_it_was_typed(browser: Any):  # noqa: F811
    factories.make_dag(spec=factories.make_spec("shop"), source=GOOD, file=factories.make_file("team/shop.py"))
    page = browser()
    page.goto("/sign-in")
    cookie = sign_in("admin").cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": page.url}])
    page.goto(EDIT)
    page.wait_for_selector(".is-coloured [data-colours] .hljs-keyword:has-text('import')", timeout=30_000)
    page.locator("#editor").fill("# <b>new</b>\nimport os\n")
    page.wait_for_selector("[data-colours] .hljs-comment:has-text('<b>new</b>')", timeout=30_000)
    assert page.locator("#editor").input_value() == "# <b>new</b>\nimport os\n"
    assert page.locator("[data-colours]").text_content() == "# <b>new</b>\nimport os\n"
