"""``ProvidersManager``: provider packages ask it for their own version, and for hooks, dialects and queues of others."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from orchestrator.sdk import provider_info

DialectInfo = namedtuple("DialectInfo", ["name", "dialect_class_name", "provider_name"])


@dataclass(frozen=True)
class ProviderInfo:
    """One installed package."""

    version: str
    data: dict[str, Any]


@dataclass(frozen=True)
class HookInfo:
    """The hook of a connection type."""

    hook_class_name: str
    connection_id_attribute_name: str
    package_name: str
    hook_name: str
    connection_type: str


class ProvidersManager:
    """What is installed, by name; nothing of it is imported to know that."""

    resource_version = "0"

    @cached_property
    def providers(self) -> dict[str, ProviderInfo]:
        return {each["package-name"]: ProviderInfo(each["version"], each) for each in provider_info.infos()}

    @cached_property
    def hooks(self) -> dict[str, HookInfo]:
        return {
            conn_type: HookInfo(
                each["hook-class-name"], "conn_id", info["package-name"], each.get("hook-name", conn_type), conn_type
            )
            for conn_type, (info, each) in provider_info.hooks().items()
        }

    @cached_property
    def dialects(self) -> dict[str, DialectInfo]:
        return {
            each["dialect-type"]: DialectInfo(each["dialect-type"], each["dialect-class-name"], info["package-name"])
            for info, each in provider_info.entries("dialects")
        }

    @property
    def queue_class_names(self) -> list[str]:
        return [each for _, each in provider_info.entries("queues")]

    @property
    def filesystem_module_names(self) -> list[str]:
        return [each for _, each in provider_info.entries("filesystems")]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("initialize_"):
            return lambda: None  # everything is there when it is asked for
        raise AttributeError(name)
