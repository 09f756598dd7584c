"""Where a plant takes its attributes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.moment import is_lazy
from mxgateway.simulator.tag import Owner, TagSpec, initial_value

__all__ = ["ListedTags", "TagSource", "absolute"]


class TagSource(Protocol):
    """Where a plant takes its attributes from, one by one as they are used."""

    def find(self, name: str) -> tuple[TagSpec, int] | None:
        """Return the attribute of that name (in lower case, without `[]`) and its place."""
        ...

    def container_of(self, object_name: str) -> str:
        """Return the tag name of the object that contains another, or ""."""
        ...

    def specs(self) -> Iterator[tuple[TagSpec, int]]:
        """Yield all attributes with their places, built-in ones excepted."""
        ...

    def following(self) -> Iterator[tuple[TagSpec, int]]:
        """Yield the attributes whose signals have to be computed at every scan."""
        ...

    def __len__(self) -> int:
        """Number of attributes, built-in ones excepted."""
        ...


class ListedTags:
    """Attributes as a list, checked at once.

    Raises:
        ConfigurationError: A name comes twice, or an initial value does not fit its type.
    """

    def __init__(self, specs: Iterable[TagSpec]) -> None:
        self._specs: dict[str, tuple[TagSpec, int]] = {}
        for rank, spec in enumerate(specs):
            key = spec.reference.lower()
            if key in self._specs:
                raise ConfigurationError(f"the plant has two attributes called {spec.reference}")
            initial_value(spec)
            self._specs[key] = spec, rank

    def find(self, name: str) -> tuple[TagSpec, int] | None:
        return self._specs.get(name)

    def container_of(self, object_name: str) -> str:  # noqa: ARG002
        return ""

    def specs(self) -> Iterator[tuple[TagSpec, int]]:
        return iter(self._specs.values())

    def following(self) -> Iterator[tuple[TagSpec, int]]:
        return (each for each in self.specs() if each[0].signal and not is_lazy(each[0].signal))

    def __len__(self) -> int:
        return len(self._specs)


def absolute(source: str, owner: Owner) -> str:
    """Return a reference of a signal with `Me.` and `MyContainer.` replaced."""
    head, dot, rest = source.partition(".")
    word = head.lower()
    if word == "me":
        return f"{owner.name}{dot}{rest}"
    if word == "mycontainer":
        return f"{owner.container}{dot}{rest}"
    return source
