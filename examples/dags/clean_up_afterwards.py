"""Setup and teardown: what is made for a few tasks is taken away again, even when one of them fails."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from orchestrator.sdk import DAG, setup, task, teardown

with DAG(
    "clean_up_afterwards",
    schedule=None,
    tags=["setup and teardown"],
    doc_md="Clearing **write** runs the setup and the teardown around it again: they belong together.",
):

    @setup
    def make_folder() -> str:
        return tempfile.mkdtemp(prefix="clean-up-")

    @task
    def write(folder: str) -> str:
        path = Path(folder) / "notes.txt"
        path.write_text("kept only as long as somebody needs it\n")
        return str(path)

    @task
    def read(path: str) -> int:
        words = len(Path(path).read_text().split())
        print(f"{words} words")
        return words

    @teardown
    def remove_folder(folder: str):
        shutil.rmtree(folder)
        print(f"{folder} is gone")

    folder = make_folder()
    read(write(folder)) >> remove_folder(folder)
