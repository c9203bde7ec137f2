"""Names of rules, for files that take them from Airflow's enums."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.sdk.operator import RULES, WEIGHT_RULES

TriggerRule = StrEnum("TriggerRule", {rule.upper(): rule for rule in sorted(RULES)} | {"DUMMY": "always"})  # type: ignore[misc]
WeightRule = StrEnum("WeightRule", {rule.upper(): rule for rule in sorted(WEIGHT_RULES)})  # type: ignore[misc]
