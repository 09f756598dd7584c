"""The running plant: attributes by name, and the scans that move them."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from mxgateway.simulator.signals import Moment
from mxgateway.simulator.tag import (
    CONFIGURATION_ERROR,
    GOOD,
    OFF_SCAN,
    Classification,
    Owner,
    Tag,
    TagSpec,
)
from mxgateway.simulator.tag_source import ListedTags, TagSource, absolute

__all__ = ["GOOD", "OFF_SCAN", "Classification", "Owner", "Plant", "Tag", "TagSource", "TagSpec"]

_TIMES = 4096  # scans whose time is known


class Plant:
    """All attributes by name; comparison ignores case (MXAccess reference, section 8).

    An attribute takes memory once it is used. Its signal is computed at every scan where
    somebody follows it or where it depends on other attributes; otherwise when it is
    read, with the same result.

    Args:
        specs: The attributes, or where they come from.
        clock: Where times come from.
        seed: Two plants with the same seed move alike.

    Attributes:
        scans: Scans so far.
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
        self.scans = 0
        self.on_change: Callable[[Tag, datetime], None] = lambda _tag, _now: None
        self.on_new: Callable[[Tag], None] = lambda _tag: None
        self._began = clock()
        self._times: deque[datetime] = deque(maxlen=_TIMES)
        self._tags: dict[str, Tag] = {}
        self._owners: dict[str, Owner] = {}
        self._source: TagSource = ListedTags(())
        self._lazy: list[Tag] = []
        self._in_order = False
        self._following: list[Tag] = []
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
            tag = self._tags[key] = Tag(spec, self, owner, rank, self._began)
            owner.tags.append(tag)
            if tag.lazy:
                self._lazy.append(tag)
                self._in_order = False
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
            if _alike((value, quality), (tag.current, tag.current_quality)):
                return False
            if now is None:
                now = self._clock()
            self._enter(tag, value, quality, now if timestamp is None else timestamp)
            self.tell(tag, now)
        return True

    def _enter(self, tag: Tag, value: Any, quality: int, time: datetime) -> None:
        tag.current = value
        tag.current_quality = quality
        tag.current_time = time
        tag.forget_encoded()

    def tell(self, tag: Tag, now: datetime) -> None:
        """Tell who follows an attribute that it has changed."""
        tag.moved = False
        if tag.listeners:
            self.on_change(tag, now)
        if tag.watchers:
            for watcher in [*tag.watchers.values()]:
                watcher(tag, now)

    # -- scanning ----------------------------------------------------------------

    def time_of(self, scan: int) -> datetime:
        """Return the time of a scan; of one too long ago, that of the oldest known."""
        if scan <= 0:
            return self._began
        return self._times[max(scan - self.scans - 1, -len(self._times))]

    def scan(self, part: int = 0, parts: int = 1) -> int:
        """Move every attribute by one scan; return how many of those computed changed.

        Args:
            part: Which part of the attributes to move, from 0; the scan begins with part 0.
            parts: How many parts one scan has, to spread its changes over time.
        """
        with self._lock:
            now = self._clock()
            if part == 0:
                self.scans += 1
                self._times.append(now)
            return self._scan_following(part, parts, now) + self._scan_followed(part, parts, now)

    def _scan_following(self, part: int, parts: int, now: datetime) -> int:
        changed = 0
        for tag in self._following[part::parts]:
            if tag.current is None or tag.owner.off_since is not None:
                continue
            at = Moment(
                scan=self.scans,
                start=tag.start,
                since=tag.since,
                current=tag.current,
                key=tag.key,
                time_of=self.time_of,
                read=partial(self._read, tag),
                memory=tag.memory,
            )
            found = self._evaluate(tag, at)
            tag.memory = at.memory
            if not _alike((tag.current, tag.current_quality), found):
                changed += 1
                self._enter(tag, *found, now)
                self.tell(tag, now)
        return changed

    def _scan_followed(self, part: int, parts: int, now: datetime) -> int:
        if not self._in_order:
            self._lazy.sort(key=lambda tag: tag.rank)
            self._in_order = True
        scan = self.scans
        changed = 0
        # A copy: what is told may bring new attributes into use.
        for tag in self._lazy[part::parts]:
            if not tag.listeners and not tag.watchers:
                tag.moved = False
                continue
            if tag.scan != scan:
                self._compute(tag, now)
            if tag.moved:
                changed += 1
                self.tell(tag, now)
        return changed

    def refresh(self, tag: Tag) -> None:
        """Bring an attribute with a lazy signal to the last scan."""
        if tag.scan != self.scans:
            with self._lock:
                self._compute(tag)

    def _compute(self, tag: Tag, now: datetime | None = None) -> None:
        """Compute a lazy signal at this scan; `now` is the time of a change in it."""
        scan, off_since = self.scans, tag.owner.off_since
        if off_since is not None:
            scan = max(min(scan, off_since), tag.since)
        before, tag.scan = min(tag.scan, scan), self.scans
        last = scan - scan % tag.every
        if tag.start is None or last <= before:
            return
        found = self._evaluate_at(tag, last)
        # The time of a value is that of the scan which brought it, looked at or not.
        came = last
        oldest = max(before, last - _TIMES * tag.every)
        while (earlier := came - tag.every) > oldest:
            if not _alike(self._evaluate_at(tag, earlier), found):
                break
            came = earlier
        else:
            if _alike((tag.current, tag.current_quality), found):
                return
        self._enter(tag, *found, now if now and came == self.scans else self.time_of(came))
        if tag.followed:
            tag.moved = True

    def _evaluate_at(self, tag: Tag, scan: int) -> tuple[Any, int]:
        return self._evaluate(tag, Moment(scan, tag.start, tag.since, None, tag.key, self.time_of))

    def _evaluate(self, tag: Tag, at: Moment) -> tuple[Any, int]:
        """Return the value and the quality that the signal of an attribute gives."""
        assert tag.signal is not None
        rated = getattr(tag.signal, "quality", None)
        try:
            value = tag.signal.step(at)
            if value is not tag.current:
                convert = tag.info.convert
                value = [convert(each) for each in value] if tag.is_array else convert(value)
            quality = tag.current_quality if rated is None else rated(at)
        except (ArithmeticError, KeyError, TypeError, ValueError):
            # As in a plant: what is set up wrongly is bad, and everything else runs on.
            return tag.current, CONFIGURATION_ERROR
        if rated is None and quality == CONFIGURATION_ERROR:
            quality = tag.spec.quality
        return value, quality

    # -- deploying ---------------------------------------------------------------

    def hold(self, object_name: str, since: int | None) -> None:
        """Take an object off scan as of the scan `since`, or back on scan with None.

        Off scan its attributes stand still with quality 28 (MXAccess reference, section
        5). The process goes on: back on scan they are where it is then.
        """
        with self._lock:
            self._hold(self.owner(object_name), since)

    def _hold(self, owner: Owner, since: int | None) -> None:
        off_since = owner.off_since
        if (off_since is None) is (since is None):
            return
        tags = [tag for tag in owner.tags if not tag.scan_state]
        for tag in tags:
            if tag.lazy:
                self.refresh(tag)
        owner.off_since = since
        now = self._clock()
        for tag in tags:
            tag.forget_encoded()
            if off_since is not None and tag.lazy:
                tag.scan = max(off_since, tag.since)  # the scan that its value is of
                self.refresh(tag)
            self.tell(tag, now)

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
            tag.owner.off_since = owners[name.lower()].off_since
            tag.owner.tags.append(tag)
            self._tags[tag.spec.reference.lower()] = tag
        self._lazy = [tag for tag, _ in kept if tag.lazy]
        self._in_order = False
        self._following = [self._made(spec, rank) for spec, rank in source.following()]


def _alike(one: tuple[Any, int], other: tuple[Any, int]) -> bool:
    """Whether two values are the same, with the same quality."""
    (value, quality), (other_value, other_quality) = one, other
    if quality != other_quality or type(value) is not type(other_value):
        return False
    if isinstance(value, float) and math.isnan(value):
        return math.isnan(other_value)
    return bool(value == other_value)
