"""What every test stands on: a home of its own, and a database."""

from __future__ import annotations

import os
import tempfile

os.environ["ORCHESTRATOR_HOME"] = tempfile.mkdtemp(prefix="orchestrator-test-")
