"""The scans of a plant: which attributes are moved when, and what their signals give."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from mxgateway.simulator.moment import Moment
from mxgateway.simulator.tag import CONFIGURATION_ERROR, Tag

__all__ = ["Scanner", "alike"]

_TIMES = 4096  # scans whose time is known


class Scanner:
    """Moves attributes scan by scan.

    A signal is computed at every scan where somebody follows its attribute or where it
    depends on other attributes; otherwise when it is read, with the same result.

    Args:
        clock: Where times come from.
        tell: Called with every attribute that changed and is followed.
        read: Returns the value of a reference as the signal of an attribute means it.

    Attributes:
        scans: Scans so far.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        tell: Callable[[Tag, datetime], None],
        read: Callable[[Tag, str], Any],
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._read = read
        self._times: deque[datetime] = deque(maxlen=_TIMES)
        self._lazy: list[Tag] = []
        self._in_order = False
        self._following: list[Tag] = []
        self.began = clock()
        self.scans = 0

    def enter(self, tag: Tag) -> None:
        """Look after an attribute that is used for the first time."""
        if tag.lazy:
            self._lazy.append(tag)
            self._in_order = False

    def begin_anew(self, kept: Iterable[Tag]) -> None:
        """Look after no other attributes than these."""
        self._lazy = [tag for tag in kept if tag.lazy]
        self._in_order = False

    def follow(self, tags: list[Tag]) -> None:
        """Compute these at every scan, in this order."""
        self._following = tags

    def time_of(self, scan: int) -> datetime:
        """Return the time of a scan; of one too long ago, that of the oldest known."""
        if scan <= 0:
            return self.began
        return self._times[max(scan - self.scans - 1, -len(self._times))]

    # -- one scan ----------------------------------------------------------------

    def scan(self, part: int, parts: int) -> int:
        """Move one part of the attributes; part 0 begins the scan. Return how many changed."""
        now = self._clock()
        if part == 0:
            self.scans += 1
            self._times.append(now)
        return self._scan_following(part, parts, now) + self._scan_followed(part, parts, now)

    def _scan_following(self, part: int, parts: int, now: datetime) -> int:
        changed = 0
        for tag in self._following[part::parts]:
            if tag.current is None or tag.owner.outage is not None:
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
            found = _evaluate(tag, at)
            tag.memory = at.memory
            if not alike((tag.current, tag.current_quality), found):
                changed += 1
                tag.enter(*found, now)
                self._tell(tag, now)
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
                self.compute(tag, now)
            if tag.moved:
                changed += 1
                self._tell(tag, now)
        return changed

    # -- lazy signals ------------------------------------------------------------

    def compute(self, tag: Tag, now: datetime | None = None) -> None:
        """Compute a lazy signal at this scan; `now` is the time of a change in it."""
        scan, outage = self.scans, tag.owner.outage
        if outage is not None:
            scan = max(min(scan, outage.since), tag.since)
        before, tag.scan = min(tag.scan, scan), self.scans
        last = scan - scan % tag.every
        if tag.start is None or last <= before:
            return
        found = self._evaluate_at(tag, last)
        # The time of a value is that of the scan which brought it, looked at or not.
        came = last
        oldest = max(before, last - _TIMES * tag.every)
        while (earlier := came - tag.every) > oldest:
            if not alike(self._evaluate_at(tag, earlier), found):
                break
            came = earlier
        else:
            if alike((tag.current, tag.current_quality), found):
                return
        tag.enter(*found, now if now and came == self.scans else self.time_of(came))
        if tag.followed:
            tag.moved = True

    def _evaluate_at(self, tag: Tag, scan: int) -> tuple[Any, int]:
        return _evaluate(tag, Moment(scan, tag.start, tag.since, None, tag.key, self.time_of))


def _evaluate(tag: Tag, at: Moment) -> tuple[Any, int]:
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


def alike(one: tuple[Any, int], other: tuple[Any, int]) -> bool:
    """Whether two values are the same, with the same quality."""
    (value, quality), (other_value, other_quality) = one, other
    if quality != other_quality or type(value) is not type(other_value):
        return False
    if isinstance(value, float) and math.isnan(value):
        return math.isnan(other_value)
    return bool(value == other_value)
