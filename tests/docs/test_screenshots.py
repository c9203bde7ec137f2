"""The pictures of the pages: each of a page that is there, all of them small, none left from a page that is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import resolve

from tests.screenshots import pages

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"


@pytest.mark.parametrize("name", sorted(pages.PAGES))
def test_a_picture_is_of_a_page(name: str):
    path = re.sub(r"\{(\w+)\}", "1", pages.PAGES[name]).partition("?")[0]
    assert resolve(path).url_name, path


def test_each_page_has_its_pictures_and_no_other_is_kept():
    found = {file.name for file in IMAGES.iterdir()}
    wanted = {
        f"{name}-{scheme}-{width}.webp" for name in pages.PAGES for scheme in pages.SCHEMES for width in pages.WIDTHS
    }
    assert found == wanted


def test_pictures_are_small():
    for file in IMAGES.iterdir():
        data = file.read_bytes()
        assert data[:4] == b"RIFF" and data[8:12] == b"WEBP", file.name
        assert 1_000 < len(data) < 110_000, (file.name, len(data))
