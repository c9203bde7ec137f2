"""Assets: what tasks read and write, and what DAGs are scheduled on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.core.timetables.assets import AssetOrTimeSchedule, AssetTriggeredTimetable

__all__ = [
    "Asset",
    "AssetAccessControl",
    "AssetAlias",
    "AssetAll",
    "AssetAny",
    "AssetNameRef",
    "AssetOrTimeSchedule",
    "AssetRef",
    "AssetTriggeredTimetable",
    "AssetUriRef",
    "AssetWatcher",
    "BaseAsset",
    "Dataset",
    "DatasetAlias",
    "DatasetOrTimeSchedule",
    "Metadata",
    "Model",
]

LONGEST = 1500


class BaseAsset:
    """What ``&`` and ``|`` combine and a schedule may name."""

    def __or__(self, other: Any) -> Any:
        return AssetAny(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def __and__(self, other: Any) -> Any:
        return AssetAll(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def as_expression(self) -> dict[str, Any]:
        """Return it as JSON; see :mod:`orchestrator.core.assets`."""
        raise NotImplementedError


class Asset(BaseAsset):
    """Something that tasks make or use, known by a name and a URI; one stands for the other where only one is given."""

    asset_type = "asset"

    def __init__(
        self,
        name: str | None = None,
        uri: Any = None,
        *,
        group: str | None = None,
        extra: dict[str, Any] | None = None,
        watchers: Iterable[AssetWatcher] | None = None,
        access_control: AssetAccessControl | None = None,
    ) -> None:
        if name is None and uri is None:
            raise TypeError("Asset() requires either 'name' or 'uri'")
        self.name = _named(self, "name", name if name is not None else str(uri))
        if self.name in {"self", "context"}:
            raise ValueError(f"prohibited name for asset: {self.name}")
        self.uri = _named(self, "uri", sanitised(str(uri if uri is not None else name)))
        self.group = _text(self, "group", self.asset_type if group is None else group)
        self.extra = dict(extra or {})
        self.watchers = list(watchers or [])
        self.access_control = access_control

    @staticmethod
    def ref(*, name: str = "", uri: str = "") -> AssetRef:
        """An asset that is defined elsewhere, by its name or its URI."""
        if name and uri:
            raise TypeError("Asset reference must be made to either name or URI, not both")
        if name:
            return AssetNameRef(name)
        if uri:
            return AssetUriRef(uri)
        raise TypeError("Asset reference expects keyword argument 'name' or 'uri'")

    def as_expression(self) -> dict[str, Any]:
        return {"asset": {"uri": self.uri, "name": self.name, "group": self.group}}

    def __fspath__(self) -> str:
        return self.uri

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (other.name, other.uri) == (self.name, self.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, uri={self.uri!r})"


class Dataset(Asset):
    """What Airflow 2 called an asset."""

    asset_type = "dataset"


class Model(Asset):
    """An asset that is a model."""

    asset_type = "model"


class AssetRef(BaseAsset):
    """An asset that another file defines; made by :meth:`Asset.ref`."""

    field = ""

    def __init__(self, value: str) -> None:
        setattr(self, self.field, _named(self, self.field, value))

    @property
    def value(self) -> str:
        return getattr(self, self.field)

    def as_expression(self) -> dict[str, Any]:
        return {"asset_ref": {self.field: self.value}}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.value == self.value  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.field, self.value))

    def __repr__(self) -> str:
        return f"Asset.ref({self.field}={self.value!r})"


class AssetNameRef(AssetRef):
    field = "name"


class AssetUriRef(AssetRef):
    field = "uri"


class AssetAlias(BaseAsset):
    """A name under which a task announces assets it only knows when it runs."""

    def __init__(self, name: str, *, group: str = "asset") -> None:
        self.name, self.group = _named(self, "name", name), _text(self, "group", group)

    def as_expression(self) -> dict[str, Any]:
        return {"alias": {"name": self.name, "group": self.group}}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAlias) and other.name == self.name

    def __hash__(self) -> int:
        return hash(("alias", self.name))

    def __repr__(self) -> str:
        return f"AssetAlias(name={self.name!r})"


class _Combined(BaseAsset):
    """Several assets that count as one."""

    word = ""

    def __init__(self, *objects: Any) -> None:
        wrong = [each for each in objects if not isinstance(each, BaseAsset)]
        if wrong:
            raise TypeError(f"expect asset expressions in condition, not {wrong[0]!r}")
        self.objects: Any = objects

    def as_expression(self) -> dict[str, Any]:
        return {self.word: [each.as_expression() for each in self.objects]}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and tuple(other.objects) == tuple(self.objects)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.word, tuple(self.objects)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.objects))})"


class AssetAll(_Combined):
    """All of several assets."""

    word = "all"

    def __and__(self, other: Any) -> Any:
        return AssetAll(*self.objects, other) if isinstance(other, BaseAsset) else NotImplemented


class AssetAny(_Combined):
    """Any of several assets."""

    word = "any"

    def __or__(self, other: Any) -> Any:
        return AssetAny(*self.objects, other) if isinstance(other, BaseAsset) else NotImplemented


class AssetWatcher:
    """A trigger that says when an asset has changed; it runs on the triggerer for as long as a DAG waits for the asset."""

    def __init__(self, name: str, trigger: Any) -> None:
        if not getattr(trigger, "watches", False):
            raise ValueError(f"AssetWatcher {name!r}: its trigger must inherit BaseEventTrigger, not be {trigger!r}")
        self.name, self.trigger = _named(self, "name", name), trigger


class AssetAccessControl:
    """Which teams' events count, in Airflow; there are no teams here, so it is kept and changes nothing."""

    def __init__(self, producer_teams: Any = (), consumer_teams: Any = None, allow_global: bool = True) -> None:
        self.producer_teams, self.consumer_teams = list(producer_teams), consumer_teams
        self.allow_global = allow_global


class Metadata:
    """What a task says about an asset it wrote: ``yield Metadata(asset, {"rows": 3})``."""

    def __init__(
        self, asset: Any = None, extra: dict[str, Any] | None = None, alias: Any = None, *, target: Any = None
    ) -> None:
        self.asset, self.extra, self.alias = target if asset is None else asset, dict(extra or {}), alias


DatasetAlias = AssetAlias


def _text(owner: Any, field: str, value: Any) -> str:
    kind = type(owner).__name__
    if not isinstance(value, str):
        raise ValueError(f"{kind} {field} must be a string")
    if len(value) > LONGEST:
        raise ValueError(f"{kind} {field} cannot exceed {LONGEST} characters")
    if value.isspace():
        raise ValueError(f"{kind} {field} cannot be just whitespace")
    return value


def _named(owner: Any, field: str, value: Any) -> str:
    if not _text(owner, field, value):
        raise ValueError(f"{type(owner).__name__} {field} cannot be empty")
    return value


def sanitised(uri: str) -> str:
    """A URI in one form, however it was written; what is no URI stays as it is.

    The scheme in lower case, the query sorted, no fragment, no slash at the end, and no password.
    """
    if ":" not in uri and not uri.startswith("//"):
        return uri
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if not scheme or scheme.startswith("x-"):
        return uri
    if scheme == "airflow":
        raise ValueError("Asset scheme 'airflow' is reserved")
    host = parts.netloc
    if parts.password:
        import warnings

        text = "An Asset URI should not contain a password. User info has been automatically dropped."
        warnings.warn(text, UserWarning, stacklevel=3)
        host = host.rpartition("@")[2]
    query = urlencode(sorted(parse_qsl(parts.query))) if parts.query else ""
    return urlunsplit((scheme, host, parts.path.rstrip("/") or "/", query, ""))


class DatasetOrTimeSchedule(AssetOrTimeSchedule):
    """:class:`AssetOrTimeSchedule` as Airflow 2 called it and its argument."""

    def __init__(self, *, timetable: Any, datasets: Any = None, assets: Any = None) -> None:
        super().__init__(timetable=timetable, assets=datasets if assets is None else assets)
