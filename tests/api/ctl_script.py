"""Runs ``airflowctl`` again and again in one process, since it takes a second to start; in the environment that holds it.

Reads commands as JSON from standard input, writes what each came to: its exit code and what it wrote.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

from airflowctl.__main__ import main


def run(words: list[str]) -> dict[str, Any]:
    out, code = io.StringIO(), 0
    sys.argv = ["airflowctl", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except Exception as error:
            print(repr(error))
            code = 99
    return {"code": code, "out": out.getvalue()}


print(json.dumps([run(words) for words in json.load(sys.stdin)]))
