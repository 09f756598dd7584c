"""The plant: attributes with type, value, quality and time, and signals that move them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.signals import Moment, Signal
from mxgateway.simulator.variant import CoercionError, TypeInfo, coerce_python, type_info

__all__ = ["GOOD", "Classification", "Plant", "Tag", "TagSpec"]

GOOD = 192  # OPC DA quality, MXAccess reference, section 5

# MXAccess reference, section 7.1: who may write at runtime, by attribute category.
_USER_WRITABLE = frozenset({4, 6, 7, 8, 9, 10})
_APPLICATION_WRITABLE = frozenset({5, 6, 8, 10})


class Classification(IntEnum):
    """Security classification of an attribute (MXAccess reference, section 6)."""

    FREE_ACCESS = 0
    OPERATE = 1
    SECURED_WRITE = 2
    VERIFIED_WRITE = 3
    TUNE = 4
    CONFIGURE = 5
    VIEW_ONLY = 6


@dataclass(frozen=True)
class TagSpec:
    """One attribute as a plant is described.

    Attributes:
        reference: `Object.Attribute`, without `[]` for an array.
        data_type: Its MXAccess type.
        value: Initial value; a list for an array, None for no value yet.
        classification: Security classification.
        category: Attribute category, 2 calculated, 10 the normal user attribute.
        signal: What moves it with every scan, or None.
        quality: Initial OPC DA quality.
        is_array: True for an array whose value is None; otherwise the value says it.
    """

    reference: str
    data_type: MxDataType
    value: Any
    classification: int = Classification.OPERATE
    category: int = 10
    signal: Signal | None = None
    quality: int = GOOD
    is_array: bool = False


@dataclass(eq=False)
class Tag:
    """One attribute of the running plant.

    Attributes:
        reference: `Object.Attribute`, with `[]` for an array.
        info: Its data type and how that travels.
        is_array: Whether the whole attribute is an array.
        value: The current value; None where there is none.
        quality: OPC DA quality.
        timestamp: Time of the current value.
        classification: Security classification.
        category: Attribute category.
        signal: What moves it, or None.
    """

    reference: str
    info: TypeInfo
    is_array: bool
    value: Any
    quality: int
    timestamp: datetime
    classification: int
    category: int
    signal: Signal | None
    rng: random.Random = field(repr=False)
    # Items that are advised, in the order of their advise; a dict keeps that order.
    listeners: dict[Any, None] = field(default_factory=dict, repr=False)
    # Encoded payload of the current value by element index (None: the whole value).
    encoded: dict[int | None, bytes] = field(default_factory=dict, repr=False)

    def writable(self, *, supervisory: bool) -> bool:
        """Whether category and classification allow a write at runtime at all."""
        if self.classification == Classification.VIEW_ONLY:
            return False
        return self.category in (_APPLICATION_WRITABLE if supervisory else _USER_WRITABLE)


class Plant:
    """All attributes by name; comparison ignores case (MXAccess reference, section 8).

    Args:
        specs: The attributes.
        clock: Where times come from.
        seed: Two plants with the same seed move alike.

    Raises:
        ConfigurationError: A name comes twice, or an initial value does not fit its type.
    """

    def __init__(
        self, specs: Iterable[TagSpec], *, clock: Callable[[], datetime], seed: int
    ) -> None:
        self._clock = clock
        self._tags: dict[str, Tag] = {}
        self.scans = 0
        self.on_change: Callable[[Tag, datetime], None] = lambda _tag, _now: None
        now = clock()
        for spec in specs:
            key = spec.reference.lower()
            if key in self._tags:
                raise ConfigurationError(f"the plant has two attributes called {spec.reference}")
            self._tags[key] = _make_tag(spec, now, seed)
        self._moving = [tag for tag in self._tags.values() if tag.signal is not None]

    def __getitem__(self, reference: str) -> Tag:
        """Return the attribute called `reference`; `[]` at its end makes no difference."""
        try:
            return self._tags[reference.lower().removesuffix("[]")]
        except KeyError:
            raise KeyError(f"the plant has no attribute {reference!r}") from None

    def __contains__(self, reference: object) -> bool:
        return isinstance(reference, str) and reference.lower().removesuffix("[]") in self._tags

    def __iter__(self) -> Iterator[Tag]:
        return iter(self._tags.values())

    def __len__(self) -> int:
        return len(self._tags)

    def find(self, name: str) -> Tag | None:
        """Return the attribute called exactly `name` (without `[]`), or None."""
        return self._tags.get(name.lower())

    def set(
        self,
        tag: Tag,
        value: Any,
        *,
        quality: int = GOOD,
        timestamp: datetime | None = None,
        now: datetime | None = None,
    ) -> bool:
        """Give `tag` a value that already has the right type; tell who advised it.

        `timestamp` is the time of the value, by default `now`, which is by default
        what the clock says.

        Returns:
            Whether value or quality changed; only then is there a data change
            (MXAccess reference, section 2).
        """
        if quality == tag.quality and _same(value, tag.value):
            return False
        tag.value = value
        tag.quality = quality
        if now is None:
            now = self._clock()
        tag.timestamp = now if timestamp is None else timestamp
        tag.encoded.clear()
        if tag.listeners:
            self.on_change(tag, now)
        return True

    def scan(self) -> int:
        """Move every attribute that has a signal once, in order; return how many changed."""
        self.scans += 1
        now = self._clock()
        changed = 0
        for tag in self._moving:
            assert tag.signal is not None
            if tag.value is None:
                continue
            raw = tag.signal.step(Moment(self.scans, tag.value, tag.rng, now))
            if raw is tag.value:
                continue
            value = coerce_python(raw, tag.info, is_array=tag.is_array)
            changed += self.set(tag, value, quality=tag.quality, now=now)
        return changed


def _make_tag(spec: TagSpec, now: datetime, seed: int) -> Tag:
    info = type_info(spec.data_type)
    is_array = spec.is_array or isinstance(spec.value, list)
    value = spec.value
    if value is not None:
        try:
            value = coerce_python(value, info, is_array=is_array)
        except CoercionError as error:
            raise ConfigurationError(f"initial value of {spec.reference}: {error}") from error
    return Tag(
        reference=f"{spec.reference}[]" if is_array else spec.reference,
        info=info,
        is_array=is_array,
        value=value,
        quality=spec.quality,
        timestamp=now,
        classification=int(spec.classification),
        category=spec.category,
        signal=spec.signal,
        # By name, so that adding an attribute does not move the others.
        rng=random.Random(f"{seed}-{spec.reference}"),  # noqa: S311 - a plant, no secrets
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)
