"""A DAG file edited in the browser: by admins, where it is switched on, and only what can be imported."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from dags_app.models import AuditEntry, Dag
from tests.support import factories

EDIT = "/dags/shop/code/edit"
GOOD = """from helper import RETRIES
from orchestrator.sdk import DAG, task

with DAG("shop", default_args={"retries": RETRIES}):
    @task
    def extract():
        return "</textarea><script>alert(1)</script>"
    extract()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings.ORCH, "edit_dags", True)
    monkeypatch.setattr(settings.ORCH, "dags_folder", tmp_path)
    place = tmp_path / "team"
    place.mkdir()
    (place / "shop.py").write_text(GOOD)
    (tmp_path / "helper.py").write_text("RETRIES = 2\n")
    return tmp_path


@pytest.fixture
def shop(db: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Dag:
    monkeypatch.setattr("runs_app.code_edits.SEEN_WITHIN", 0)  # no processor runs here
    file = factories.make_file("team/shop.py")
    return factories.make_dag(spec=factories.make_spec("shop"), source=GOOD, file=file)


@pytest.fixture
def admin(client_of: Callable[[str], Client]) -> Client:
    return client_of("admin")


def given(client: Client) -> tuple[str, str]:
    """(text, digest) as the form has them."""
    html = client.get(EDIT).content.decode()
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", html, re.DOTALL)
    digest = re.search(r'name="digest" value="(\w+)"', html)
    assert text and digest
    return unescape(text[1]), digest[1]


def source(folder: Path) -> str:
    return (folder / "team" / "shop.py").read_bytes().decode()


def test_a_save_checks_writes_and_is_on_record(admin: Client, shop: Dag, folder: Path):
    (folder / "team" / "shop.py").chmod(0o640)
    text, digest = given(admin)
    assert text == GOOD
    answer = admin.post(EDIT, {"text": text.replace("extract", "fetch").replace("\n", "\r\n"), "digest": digest})
    assert answer.status_code == 302
    assert source(folder) == GOOD.replace("extract", "fetch")
    assert (folder / "team" / "shop.py").stat().st_mode & 0o777 == 0o640
    entry = AuditEntry.objects.get(event="edit_dag_file")
    assert "+    def fetch():" in entry.extra["diff"]
    assert sorted(path.name for path in (folder / "team").iterdir()) == ["shop.py"]


def test_what_cannot_be_imported_is_not_saved_and_the_line_is_told(admin: Client, shop: Dag, folder: Path):
    text, digest = given(admin)
    for broken, line, message in (
        (text.replace("def extract():", "def extract(:"), 6, "SyntaxError"),
        (text.replace("    extract()", "    nowhere()"), 8, "NameError"),
        (text.replace("from helper", "from no_such_helper"), 1, "No module named"),
    ):
        answer = admin.post(EDIT, {"text": broken, "digest": digest})
        assert answer.status_code == 422
        html = unescape(answer.content.decode())
        assert f'data-line="{line}"' in html, html[:3000]
        assert message in html
        assert str(settings.ORCH.dags_folder) in html or "Trace" not in html
        assert "/edit-" not in html
        assert source(folder) == GOOD
        assert "</textarea><script>" not in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_a_file_that_changed_meanwhile_is_not_overwritten(admin: Client, shop: Dag, folder: Path):
    text, digest = given(admin)
    (folder / "team" / "shop.py").write_text("# somebody else's\n")
    answer = admin.post(EDIT, {"text": text.replace("2", "3"), "digest": digest})
    assert answer.status_code == 422
    assert "was changed meanwhile" in answer.content.decode()
    assert source(folder) == "# somebody else's\n"


def test_a_dag_is_not_lost_by_mistake(admin: Client, shop: Dag, folder: Path):
    text, digest = given(admin)
    changed = {"text": text.replace('DAG("shop"', 'DAG("store"'), "digest": digest}
    assert "no longer defines shop" in admin.post(EDIT, changed).content.decode()
    assert source(folder) == GOOD
    assert admin.post(EDIT, {**changed, "anyway": "on"}).status_code == 302
    assert 'DAG("store"' in source(folder)


def test_line_ends_stay_as_they_were(admin: Client, shop: Dag, folder: Path):
    (folder / "team" / "shop.py").write_bytes(GOOD.replace("\n", "\r\n").encode())
    text, digest = given(admin)
    assert admin.post(EDIT, {"text": text + "# end\n", "digest": digest}).status_code == 302
    assert source(folder) == (GOOD + "# end\n").replace("\n", "\r\n")


def test_only_admins_and_only_where_it_is_switched_on(
    client_of: Callable[[str], Client], admin: Client, shop: Dag, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    for role in ("viewer", "user", "op"):
        assert client_of(role).get(EDIT).status_code == 403
        assert client_of(role).post(EDIT, {"text": "", "digest": ""}).status_code == 403
        assert EDIT not in client_of(role).get("/dags/shop/code").content.decode()
    assert EDIT in admin.get("/dags/shop/code").content.decode()
    text, digest = given(admin)
    monkeypatch.setattr(settings.ORCH, "edit_dags", False)
    assert EDIT not in admin.get("/dags/shop/code").content.decode()
    assert "ORCHESTRATOR_EDIT_DAGS" in admin.get(EDIT).content.decode()
    assert admin.post(EDIT, {"text": text + "\n", "digest": digest}).status_code == 422
    assert source(folder) == GOOD


def test_nothing_outside_of_the_folder_is_shown_or_written(admin: Client, shop: Dag, folder: Path, tmp_path: Path):
    for path in ("../secret.py", "/etc/passwd", "team/../../x", "helper.py", "team"):
        assert admin.get(EDIT, {"file": path}).status_code == 404, path
    outside = tmp_path.parent / "outside.py"
    outside.write_text("secret = 1\n")
    (folder / "team" / "shop.py").unlink()
    (folder / "team" / "shop.py").symlink_to(outside)
    answer = admin.get(EDIT)
    assert answer.status_code == 422
    assert "secret" not in answer.content.decode()


def test_what_is_no_text_is_not_edited(admin: Client, shop: Dag, folder: Path):
    for content in (b"\xff\xfe\x00", b"a\0b", b"x" * (1024 * 1024 + 1)):
        (folder / "team" / "shop.py").write_bytes(content)
        assert admin.get(EDIT).status_code == 422
