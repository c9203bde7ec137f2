"""Static files under hashed names, modules and what they import among them."""

from __future__ import annotations

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedFiles(ManifestStaticFilesStorage):
    """A file that was not collected is served under its plain name instead of failing the page."""

    support_js_module_import_aggregation = True
    manifest_strict = False
