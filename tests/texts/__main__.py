"""``python -m tests.texts [mark]``: bring the catalogs up to date with the texts of pages, views and scripts.

With ``mark``, first put marks around the plain texts of templates that have none.
"""

from __future__ import annotations

import os
import sys
import tempfile

with tempfile.TemporaryDirectory() as home:
    os.environ["ORCHESTRATOR_HOME"] = home  # settings make their keys where the home is
    os.environ["DJANGO_SETTINGS_MODULE"] = "orchestrator.settings"
    import django

    django.setup()
    from tests.texts import catalogs, marking

    if "mark" in sys.argv:
        print(" ".join(marking.mark_all()) or "all is marked")
    print(" ".join(catalogs.write()) or "fresh")
    for language in catalogs.languages():
        for domain in (catalogs.PAGES, catalogs.IN_SCRIPTS):
            left = [each.id for each in catalogs.catalog(language, domain) if each.id and not each.string]
            print(f"{language} {domain}: {len(left)} without translation", *left[:20], sep="\n  ")
