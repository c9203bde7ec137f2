"""DAG files and the sources that versions are made of."""

from __future__ import annotations

from django.db import models


class SourceBlob(models.Model):
    """The content of one source file, stored once however many versions hold it."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()
    size = models.PositiveIntegerField(help_text="bytes")

    def __str__(self) -> str:
        return self.sha256[:12]


class SourceTree(models.Model):
    """The files a DAG file can import or read, as they were at one parse."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="sha256 over the sorted manifest")
    manifest = models.JSONField(help_text="path relative to the bundle's root -> sha256 of its blob")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]


class DagFile(models.Model):
    """One file the processor knows, and what its last parse said."""

    bundle_name = models.CharField(max_length=250, default="dags-folder")
    relative_path = models.CharField(max_length=1000)
    digest = models.CharField(max_length=64, blank=True, help_text="source tree digest at the last parse")
    last_parsed_at = models.DateTimeField(null=True)
    last_parse_seconds = models.FloatField(null=True)
    gone_at = models.DateTimeField(null=True, help_text="when the file was found to be deleted")
    parse_asked = models.BooleanField(default=False, help_text="somebody asked for it to be read again")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bundle_name", "relative_path"], name="dag_file_key")]

    def __str__(self) -> str:
        return self.relative_path


class DagImportError(models.Model):
    """Why a file gave no DAGs at its last parse; gone again once it does."""

    file = models.OneToOneField(DagFile, models.CASCADE, related_name="import_error")
    message = models.TextField(help_text="one line: what failed")
    line = models.PositiveIntegerField(null=True, help_text="line of the file the error points at")
    stack_trace = models.TextField()
    timestamp = models.DateTimeField()

    class Meta:
        verbose_name = "import error"

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"
