"""XCom values as JSON, by the classes that Airflow's own backends name."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.sdk.xcom_json import decode, encode


class XComEncoder(json.JSONEncoder):
    """``json.dumps(value, cls=XComEncoder)``."""

    def encode(self, o: Any) -> str:
        return super().encode(encode(o))

    def iterencode(self, o: Any, _one_shot: bool = False) -> Any:
        return super().iterencode(encode(o), _one_shot)


class XComDecoder(json.JSONDecoder):
    """``json.loads(text, cls=XComDecoder)``."""

    def decode(self, s: str, *args: Any) -> Any:
        return decode(super().decode(s, *args))
