"""The running plant: attributes by name, and the scans that move them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from mxgateway.simulator.outage import OFF_SCAN, Outage
from mxgateway.simulator.scanning import Scanner, alike
from mxgateway.simulator.tag import GOOD, Classification, Owner, Tag, TagSpec
from mxgateway.simulator.tag_source import ListedTags, TagSource, absolute

__all__ = ["GOOD", "OFF_SCAN", "Classification", "Owner", "Plant", "Tag", "TagSource", "TagSpec"]


class Plant:
    """All attributes by name; comparison ignores case (MXAccess reference, section 8).

    An attribute takes memory once it is used.

    Args:
        specs: The attributes, or where they come from.
        clock: Where times come from.
        seed: Two plants with the same seed move alike.

    Attributes:
        on_change: Called with every change of an attribute that has listeners.
        on_new: Called with every attribute that is used for the first time.

    Raises:
        ConfigurationError: A name comes twice, or an initial value does not fit its type.
    """

    def __init__(
        self, specs: Iterable[TagSpec] | TagSource, *, clock: Callable[[], datetime], seed: int
    ) -> None:
        self._clock = clock
        # Reading may compute a value, and a ThreadedSimulator is read from other threads.
        self._lock = threading.RLock()
        self.seed = seed
        self.on_change: Callable[[Tag, datetime], None] = lambda _tag, _now: None
        self.on_new: Callable[[Tag], None] = lambda _tag: None
        self._scanner = Scanner(clock, tell=self.tell, read=self._read)
        self._tags: dict[str, Tag] = {}
        self._owners: dict[str, Owner] = {}
        self._source: TagSource = ListedTags(())
        self.replace(specs)

    # -- finding -----------------------------------------------------------------

    def __getitem__(self, reference: str) -> Tag:
        """Return the attribute called `reference`; `[]` at its end makes no difference."""
        tag = self.find(reference.removesuffix("[]"))
        if tag is None:
            raise KeyError(f"the plant has no attribute {reference!r}")
        return tag

    def __contains__(self, reference: object) -> bool:
        return isinstance(reference, str) and self.find(reference.removesuffix("[]")) is not None

    def __iter__(self) -> Iterator[Tag]:
        """Yield all attributes in the order of the plant; those built into objects excepted."""
        for spec, rank in self._source.specs():
            with self._lock:
                tag = self._made(spec, rank)
            yield tag

    def __len__(self) -> int:
        return len(self._source)

    def find(self, name: str) -> Tag | None:
        """Return the attribute called exactly `name` (without `[]`), or None.

        The name may lead through contained names: `Tank_001.InletValve.Cmd`.
        """
        key = name.lower()
        tag = self._tags.get(key)
        if tag is None:
            with self._lock:
                found = self._source.find(key)
                if found is not None:
                    tag = self._made(*found)
        return tag

    def _made(self, spec: TagSpec, rank: int) -> Tag:
        key = spec.reference.lower()
        tag = self._tags.get(key)
        if tag is None:
            owner = self.owner(spec.reference.partition(".")[0])
            tag = self._tags[key] = Tag(spec, self, owner, rank, self._scanner.began)
            owner.tags.append(tag)
            self._scanner.enter(tag)
            self.on_new(tag)
        return tag

    @property
    def used(self) -> list[Tag]:
        """The attributes that are in use, built-in ones too."""
        return [*self._tags.values()]

    @property
    def owners(self) -> list[Owner]:
        """The objects that have attributes in use."""
        return [*self._owners.values()]

    def owner(self, object_name: str) -> Owner:
        """Return what the attributes of an object share."""
        key = object_name.lower()
        owner = self._owners.get(key)
        if owner is None:
            owner = self._owners[key] = Owner(object_name, self._source.container_of(key))
        return owner

    def _read(self, tag: Tag, source: str) -> Any:
        found = self.find(absolute(source, tag.owner))
        if found is None:
            raise KeyError(f"the signal of {tag.reference} reads {source!r}, which is not there")
        return found.value

    # -- changing ----------------------------------------------------------------

    def watch(
        self, tag: Tag | str, callback: Callable[[Tag, datetime], None]
    ) -> Callable[[], None]:
        """Call `callback(tag, now)` after every change of value or quality of an attribute.

        It is called once the clients that advised the attribute were told; it may set
        other attributes.

        Args:
            tag: The attribute, or its reference.
            callback: What is called.

        Returns:
            What ends the watching.

        Raises:
            KeyError: There is no such attribute.
        """
        watched = self[tag] if isinstance(tag, str) else tag
        key = object()
        watched.watchers[key] = callback

        def unwatch() -> None:
            watched.watchers.pop(key, None)

        return unwatch

    def set(
        self,
        tag: Tag,
        value: Any,
        *,
        quality: int = GOOD,
        timestamp: datetime | None = None,
        now: datetime | None = None,
    ) -> bool:
        """Give `tag` a value that already has the right type; tell who follows it.

        `timestamp` is the time of the value, by default `now`, which is by default
        what the clock says.

        Returns:
            Whether value or quality changed; only then is there a data change
            (MXAccess reference, section 2).
        """
        with self._lock:
            if tag.lazy:
                self.refresh(tag)
            tag.start = value
            tag.since = tag.scan = self.scans
            if alike((value, quality), (tag.current, tag.current_quality)):
                return False
            if now is None:
                now = self._clock()
            tag.enter(value, quality, now if timestamp is None else timestamp)
            # One that fails goes on failing, whatever its value is now.
            self.tell(tag, now, clients=tag.owner.failure is None)
        return True

    def write(
        self,
        tag: Tag,
        value: Any,
        *,
        quality: int = GOOD,
        timestamp: datetime | None = None,
        now: datetime | None = None,
    ) -> bool:
        """Set a value as somebody who writes it; tell who looks after writes, too."""
        changed = self.set(tag, value, quality=quality, timestamp=timestamp, now=now)
        for writer in [*tag.writers.values()]:
            writer(tag)
        return changed

    def tell(self, tag: Tag, now: datetime, *, clients: bool = True) -> None:
        """Tell who follows an attribute that it has changed, the clients among them or not."""
        tag.moved = False
        if clients and tag.listeners:
            self.on_change(tag, now)
        if tag.watchers:
            for watcher in [*tag.watchers.values()]:
                watcher(tag, now)

    # -- scanning ----------------------------------------------------------------

    @property
    def scans(self) -> int:
        """Scans so far."""
        return self._scanner.scans

    def time_of(self, scan: int) -> datetime:
        """Return the time of a scan; of one too long ago, that of the oldest known."""
        return self._scanner.time_of(scan)

    def scan(self, part: int = 0, parts: int = 1) -> int:
        """Move every attribute by one scan; return how many of those computed changed.

        Args:
            part: Which part of the attributes to move, from 0; the scan begins with part 0.
            parts: How many parts one scan has, to spread its changes over time.
        """
        with self._lock:
            return self._scanner.scan(part, parts)

    def refresh(self, tag: Tag) -> None:
        """Bring an attribute with a lazy signal to the last scan."""
        if tag.scan != self._scanner.scans:
            with self._lock:
                self._scanner.compute(tag)

    # -- outages -----------------------------------------------------------------

    def hold(self, object_name: str, outage: Outage | None) -> None:
        """Let the attributes of an object stand still or fail, or run again with None.

        The process goes on: afterwards they are where it is then.
        """
        with self._lock:
            self._hold(self.owner(object_name), outage)

    def _hold(self, owner: Owner, outage: Outage | None) -> None:
        before = owner.outage
        if before is not None and outage is not None:
            outage = replace(outage, since=before.since)  # it has stood still since then
        if outage == before:
            return
        shown = []
        for tag in owner.tags:
            if tag.lazy:
                self.refresh(tag)
            shown.append((tag, tag.current, tag.quality))
        failure = owner.failure
        owner.outage = outage
        now = self._clock()
        for tag, value, quality in shown:
            tag.forget_encoded()
            if before is not None and outage is None and tag.lazy:
                tag.scan = max(before.since, tag.since)  # the scan that its value is of
                self.refresh(tag)
            if owner.failure != failure or not alike((value, quality), (tag.current, tag.quality)):
                self.tell(tag, now)

    # -- deploying ---------------------------------------------------------------

    def replace(self, specs: Iterable[TagSpec] | TagSource) -> None:
        """Replace the attributes by others; one that is described as before stays as it is.

        Raises:
            ConfigurationError: As for the plant; then nothing has changed.
        """
        source = ListedTags(specs) if isinstance(specs, Iterable) else specs
        with self._lock:
            self._replace(source)

    def _replace(self, source: TagSource) -> None:
        kept = [
            (tag, found[1])
            for name, tag in self._tags.items()
            if (found := source.find(name)) is not None and found[0] == tag.spec
        ]
        owners, self._owners = self._owners, {}
        self._tags = {}
        self._source = source
        for tag, rank in kept:
            name = tag.owner.name
            tag.rank = rank
            tag.owner = self.owner(name)
            tag.owner.outage = owners[name.lower()].outage
            tag.owner.tags.append(tag)
            self._tags[tag.spec.reference.lower()] = tag
        self._scanner.begin_anew(tag for tag, _ in kept)
        self._scanner.follow([self._made(spec, rank) for spec, rank in source.following()])
