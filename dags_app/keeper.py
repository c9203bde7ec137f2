"""Keeps every bundle current, and the database's DAGs the same as the bundles' files: one loop over all of them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from . import environments, sync
from .bundles.config import BundleConfig, BundleError, configured
from .bundles.git import GitError, Repository
from .environments import BuildError, Wanted
from .models import Bundle, DagFile
from .plugin_calls import Answered
from .processor import RETRY_SECONDS, Counts, Processor
from .sync import OnChanged, Parsed, error_of
from .watch import Watch

log = logging.getLogger(__name__)

LAST_SECONDS = 3.0
"""So long what plugins are to be told is served after the end was asked for."""
LOOK_SECONDS = 1.0
"""How often it is looked whether a refresh was asked for, and whether an environment is to be made anew."""
TELL_SECONDS = 1.0
FOLDER_SECONDS = 60.0
SWEEP_SECONDS = 3600.0


class Place:
    """One bundle with its processor. Everything but fetching and building is done in the keeper's own thread."""

    def __init__(self, config: BundleConfig, processor: Processor, pool: ThreadPoolExecutor) -> None:
        self.config, self.processor, self.pool = config, processor, pool
        self.repository = Repository(config) if config.kind == "git" else None
        self.watch: Watch | None = None
        self.fetching: Future[str] | None = None
        self.fetched: str | None = None  # a commit that waits for the parses under way
        self.refresh_at = 0.0
        self.wanted: Wanted | None = None
        self.wanted_file = ""
        self.building: Future[str] | None = None
        self.failed = ""  # digest of what cannot be made: tried again when it changes, or somebody asks
        self.in_use: str | None = None if config.environment else ""
        self.begin()

    def begin(self) -> None:
        """Go on with what is here from before."""
        values = {"kind": self.config.kind, "facts": dict(self.config.facts), "is_active": True}
        row, _ = Bundle.objects.update_or_create(pk=self.config.name, defaults=values)
        if self.repository is not None:
            self.processor.bundle_version = self.repository.checked_out()
        if self.config.environment and row.environment_digest:
            self.in_use = row.environment_digest if environments.python_in(row.environment_digest) else None
        if not self.config.environment:
            self.note(environment_state="", environment_digest="", environment_log="", environment_at=None)

    def note(self, **values: object) -> None:
        Bundle.objects.filter(pk=self.config.name).update(**values)

    @property
    def has_files(self) -> bool:
        return self.repository is None or self.processor.bundle_version is not None

    @property
    def is_ready(self) -> bool:
        """Whether its files can be parsed: they are here, and so is what they are to be parsed with."""
        return self.has_files and self.in_use is not None

    @property
    def is_idle(self) -> bool:
        if self.fetching or self.fetched or self.building or self.refresh_at == 0.0:
            return False
        return self.processor.is_idle if self.is_ready else bool(self.failed) or not self.has_files

    def ask(self) -> None:
        """Refresh now; an environment that could not be made is tried again."""
        self.refresh_at, self.failed = 0.0, ""
        self.processor.wake()

    def turn(self) -> Counts:
        """Do all that can be done now."""
        now = time.monotonic()
        self._refresh(now)
        if self.has_files:
            self._look_after_environment()
        if self.is_ready:
            return self.processor.turn()
        if self.processor.is_first:
            self.processor.serve(now)
        return Counts()

    # ---- its files

    def _refresh(self, now: float) -> None:
        if self.repository is None:
            if now >= self.refresh_at:  # it is watched: this is for the page, and notices a folder that went
                self.refresh_at = now + FOLDER_SECONDS
                error = "" if os.path.isdir(self.config.path) else f"there is no folder {self.config.path}"
                self._note_refresh(error)
            return
        if self.fetching is None and self.fetched is None and now >= self.refresh_at:
            self.refresh_at = now + self.config.refresh_seconds
            self.fetching = self.pool.submit(_alone, self.repository.fetch)
            self.fetching.add_done_callback(lambda _: self.processor.nudge())
        if self.fetching is not None and self.fetching.done():
            done, self.fetching = self.fetching, None
            try:
                self.fetched = done.result()
            except GitError as error:
                self._note_refresh(str(error))
            except Exception as error:  # a connection that cannot be read, a full disk: the next time may do
                self._note_refresh(f"{type(error).__name__}: {error}")
        if self.fetched is not None:
            self._take_over(self.fetched)

    def _take_over(self, commit: str) -> None:
        """Check a commit out, once no parse is under way that would see half of it."""
        assert self.repository is not None
        if commit != self.repository.checked_out():
            self.processor.is_held = True
            if self.processor.jobs:
                return
            try:
                self.repository.check_out(commit)
            except (GitError, OSError) as error:
                self.fetched = None
                self.processor.is_held = False
                self._note_refresh(str(error))
                return
        self.fetched, self.processor.is_held = None, False
        self.processor.bundle_version = commit
        self._note_refresh("", version=commit)
        self.processor.wake()

    def _note_refresh(self, error: str, **values: object) -> None:
        now = timezone.now()
        if not error:
            values["refreshed_at"] = now
        else:
            log.warning("bundle_not_refreshed bundle=%s error=%s", self.config.name, error)
        self.note(tried_at=now, error=error, refresh_asked=False, **values)

    # ---- its environment

    def _look_after_environment(self) -> None:
        if self.in_use == "" or (self.building is not None and not self.building.done()):
            return
        if self.building is not None:
            done, self.building = self.building, None
            self._take_in(done)
        try:
            found = environments.wanted_by(self.processor.root, self.config.environment)
        except BuildError as error:
            if self.failed != str(error):
                self._fail(str(error), error, str(error))
            return
        self.wanted, self.wanted_file = found or (Wanted(""), environments.REQUIREMENTS)
        digest = self.wanted.digest
        if digest == self.failed or (digest == self.in_use and self.processor.brought):
            return
        python = environments.python_in(digest)
        if python is not None:
            self._use(self.wanted, python)
            return
        self.note(
            environment_state="building", environment_wanted=digest, environment_log="", environment_at=timezone.now()
        )
        self.building = self.pool.submit(_alone, environments.build, self.wanted, self._teller())
        self.building.add_done_callback(lambda _: self.processor.nudge())
        self._keep_last_good()

    def _keep_last_good(self) -> None:
        """After a start: what was in use before goes on while the new one is made."""
        if self.in_use and not self.processor.brought:
            asked = environments.folder_of(self.in_use) / "asked"
            texts = [(asked / name).read_text() for name in (environments.REQUIREMENTS, environments.CONSTRAINTS)]
            self._use(Wanted(*texts), str(environments.folder_of(self.in_use) / "bin" / "python"), told=False)

    def _take_in(self, done: Future[str]) -> None:
        assert self.wanted is not None
        try:
            self._use(self.wanted, done.result())
        except BuildError as error:
            self._fail(self.wanted.digest, error, error.log or str(error))
        except Exception as error:  # a full disk, say: somebody may ask again
            self._fail(self.wanted.digest, error, str(error))

    def _use(self, wanted: Wanted, python: str, told: bool = True) -> None:
        before, self.in_use = self.in_use, wanted.digest
        self.processor.use_python(python, wanted.contents())
        if told:
            self.failed = ""
            state = {"environment_state": "ready", "environment_digest": wanted.digest, "environment_wanted": ""}
            self.note(**state, environment_at=timezone.now())
            self._store_error([])
        if before != wanted.digest:
            log.info("environment_used bundle=%s digest=%s", self.config.name, wanted.digest[:12])

    def _fail(self, what: str, error: Exception, said: str) -> None:
        self.failed = what
        log.warning("environment_failed bundle=%s error=%s", self.config.name, error)
        self.note(
            environment_state="failed", environment_log=said[-environments.LONGEST_LOG :], environment_at=timezone.now()
        )
        self._keep_last_good()
        last = "; the last good one is in use" if self.in_use else ""
        self._store_error([error_of(f"{error}{last}", trace=said[-environments.LONGEST_LOG :])])

    def _store_error(self, errors: list[dict[str, object]]) -> None:
        name = self.wanted_file or environments.REQUIREMENTS
        known = DagFile.objects.filter(bundle_name=self.config.name, relative_path=name).exists()
        if errors or known:
            parsed = Parsed(name, os.path.join(self.processor.root, name), errors=errors, bundle=self.config.name)
            sync.store(parsed, now=timezone.now(), present=(), on_changed=self.processor.on_changed)

    def _teller(self) -> Callable[[str], None]:
        """Has the page of the bundle show what the installer says, as it says it."""
        told_at = 0.0

        def tell(text: str) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= TELL_SECONDS:
                told_at = time.monotonic()
                self.note(environment_log=text.replace("\0", ""))

        return tell

    def close(self) -> None:
        if self.watch is not None:
            self.watch.stop()
        self.processor.close()


def _alone(work: Callable[..., str], *args: object) -> str:
    """Work in a thread of the pool, which keeps no connection to the database."""
    try:
        return work(*args)
    finally:
        connections.close_all()


class Keeper:
    """All bundles. Call :meth:`step` in a loop from one thread."""

    def __init__(
        self,
        configs: Sequence[BundleConfig],
        *,
        on_changed: OnChanged | None = None,
        answered: Answered | None = None,
        watched: bool = False,
    ) -> None:
        self.on_changed = on_changed
        self.woken = threading.Event()
        self.pool = ThreadPoolExecutor(8, thread_name_prefix="bundle")
        self.places: list[Place] = []
        self._look_at = self._sweep_at = 0.0
        peers: list[Processor] = []
        for config in configs:
            root = config.path or Repository(config).folder
            made = Processor(
                root, on_changed=on_changed, answered=answered, bundle=config.name, woken=self.woken, peers=peers
            )
            place = Place(config, made, self.pool)
            self.places.append(place)
            if watched and config.kind == "local":
                place.watch = Watch(made.root, made.wake)
                made.watched = lambda watch=place.watch: watch.works
                place.watch.start()
        self.retire_others()

    def retire_others(self) -> None:
        """Have the DAGs of bundles that the settings no longer name go stale; their runs and versions stay."""
        names = {place.config.name for place in self.places} | {each.name for each in configured()}
        Bundle.objects.exclude(pk__in=names).filter(is_active=True).update(is_active=False)
        gone = DagFile.objects.exclude(bundle_name__in=names).filter(gone_at__isnull=True)
        for bundle, path in list(gone.values_list("bundle_name", "relative_path")):
            sync.store_gone([path], now=timezone.now(), on_changed=self.on_changed, bundle=bundle)

    def step(self, timeout: float = 0.0) -> Counts:
        """Wait up to ``timeout`` seconds for something to do, do all that can be done now, and say what it was."""
        ready = [place.processor.until_due() for place in self.places if place.is_ready]
        self.woken.wait(min([timeout, *ready]))
        self.woken.clear()
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(now)
        counts = Counts()
        for place in self.places:
            counts.add(place.turn())
        return counts

    def _look(self, now: float) -> None:
        asked = set(Bundle.objects.filter(refresh_asked=True).values_list("pk", flat=True))
        for place in self.places:
            if place.config.name in asked:
                place.ask()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            environments.clear_old({place.in_use or "" for place in self.places})

    def settle(self, limit: float = 60.0, only: Collection[tuple[str, str]] | None = None) -> Counts:
        """Refresh all bundles and step until nothing is left to do; ``only``: parse no other files (bundle, path) than these.

        Raises:
            TimeoutError: there still was after ``limit`` seconds.
        """
        deadline = time.monotonic() + limit
        for place in self.places:
            if only is not None:
                place.processor.only = {path for bundle, path in only if bundle == place.config.name}
            place.processor.wake()
        counts = self.step()
        while not all(place.is_idle for place in self.places):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the bundles are not settled after {limit:g} s")
            counts.add(self.step(0.1))
        return counts

    def errors(self) -> list[str]:
        """Why bundles could not be refreshed."""
        names = [place.config.name for place in self.places]
        rows = Bundle.objects.filter(pk__in=names).exclude(error="").values_list("name", "error")
        return [f"bundle {name}: {error}" for name, error in rows]

    def close(self) -> None:
        for place in self.places:
            place.close()
        self.pool.shutdown(wait=False, cancel_futures=True)


def chosen(names: Collection[str] | None = None) -> list[BundleConfig]:
    """The bundles of the settings, or those of ``names``.

    Raises:
        BundleError: there is no such bundle, or the settings cannot be read.
    """
    found = configured()
    known = {each.name for each in found}
    for name in names or ():
        if name not in known:
            raise BundleError(f"there is no bundle {name!r}; there are {', '.join(sorted(known))}")
    return [each for each in found if not names or each.name in names]


def run(
    should_stop: Callable[[], bool],
    *,
    root: str | None = None,
    configs: Sequence[BundleConfig] | None = None,
    on_changed: OnChanged | None = None,
    answered: Answered | None = None,
    at_last: Callable[[], None] = lambda: None,
) -> None:
    """Keep the database the same as the bundles until told to stop; ``at_last`` is called before the last calls are served."""
    if root is not None:
        configs = [BundleConfig("dags-folder", "local", path=root, facts={"path": root})]
    keeper = Keeper(configs or configured(), on_changed=on_changed, answered=answered, watched=True)
    try:
        while not should_stop():
            try:
                counts = keeper.step(0.5)
            except (DatabaseError, InterfaceError) as error:
                log.warning("processor_waits error=%s", error)
                connections.close_all()
                time.sleep(RETRY_SECONDS)
                continue
            if counts.parsed or counts.gone:
                log.info("folder_synced %s", " ".join(f"{name}={getattr(counts, name)}" for name in counts.__slots__))
        _serve_the_rest(keeper.places[0].processor, at_last)
    finally:
        keeper.close()


def _serve_the_rest(processor: Processor, at_last: Callable[[], None]) -> None:
    """Who stops along with us has told us so by now."""
    try:
        at_last()
        processor.desk.drain(LAST_SECONDS)
    except (DatabaseError, InterfaceError) as error:
        log.warning("plugin_calls_left error=%s", error)
