"""Static files: compressed, under names that say what is in them, asked for all at once."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.test import Client, RequestFactory

from dags_app.models import Dag
from orchestrator.web.modules import needed
from orchestrator.web.staticfiles import HashedFiles, StaticFiles

SCRIPTS = Path(__file__).resolve().parents[2] / "static/js"


def test_what_is_collected_travels_compressed_under_a_name_that_may_be_kept(tmp_path: Path, settings: Any):
    settings.STATIC_ROOT = str(tmp_path)
    text = b"export const a = 1;\n" * 100
    storage = HashedFiles(location=str(tmp_path), base_url="/static/")
    storage.save("js/a.js", ContentFile(text))
    list(storage.post_process({"js/a.js": (storage, "js/a.js")}))
    serve = StaticFiles(lambda request: HttpResponse(status=404))
    answer = serve(RequestFactory().get(storage.url("js/a.js"), headers={"accept-encoding": "gzip"}))
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == text
    assert len(answer.content) < len(text) / 5
    assert "immutable" in answer["Cache-Control"]
    plain = serve(RequestFactory().get(storage.url("js/a.js")))
    assert plain.content == text


def test_all_that_a_script_imports_at_its_beginning_is_known():
    found = needed("js/grid.js")
    assert found[0] == "js/grid.js"
    assert {"js/grid_view.js", "js/grid_sprites.js", "js/fetch.js", "js/store.js"} <= set(found)
    assert "js/grid.js" not in needed("js/main.js")  # loaded where a page has one
    for path in SCRIPTS.glob("*.js"):
        said = set(re.findall(r"^import .*[\"']\./(\w+\.js)[\"']", path.read_text(), re.MULTILINE))
        assert {f"js/{name}" for name in said} <= set(needed(f"js/{path.name}")), path


def test_a_page_asks_for_its_scripts_before_they_are_run(viewer: Client, shop: Dag):
    head = viewer.get("/dags/shop").content.decode().partition("</head>")[0]
    asked = re.findall(r'<link rel="modulepreload" href="[^"]*/js/(\w+)', head)
    assert {"main", "fetch", "grid", "grid_view"} <= set(asked)
    assert len(asked) == len(set(asked))
    assert "grid_view" not in viewer.get("/dags").content.decode()
