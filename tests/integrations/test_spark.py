"""A Spark job by spark-submit and a function with a session, on a local Spark."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import needs

pytestmark = [
    needs("pyspark"),
    pytest.mark.skipif(shutil.which("java") is None, reason="no Java here: apt-get install default-jre-headless"),
]


def test_a_job_counts_words_and_a_function_reads_its_counts(installation: Any, tmp_path: Path):
    installation.connect("spark_default", "spark", host="local[1]")
    run = installation.finish("count_with_spark", {"output": str(tmp_path / "words")}).assert_success()
    assert run.xcom("most_frequent") == [["be", 2], ["to", 2], ["not", 1], ["or", 1]]
