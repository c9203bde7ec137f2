"""``python -m tests.docs``: write the reference pages that are made from the code."""

from __future__ import annotations

import os
import tempfile

with tempfile.TemporaryDirectory() as home:
    os.environ["ORCHESTRATOR_HOME"] = home  # settings make their keys where the home is
    os.environ["DJANGO_SETTINGS_MODULE"] = "orchestrator.settings"
    import django

    django.setup()
    from tests.docs.pages import write

    print(" ".join(write()) or "fresh")
