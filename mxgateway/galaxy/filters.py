"""What to discover or browse: the filters of both calls as checked, typed options."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DiscoverHierarchyRequest,
)

__all__ = ["BrowseOptions", "DiscoverHierarchyOptions"]

_INT32: Final = range(-(1 << 31), 1 << 31)

DISCOVER_PAGE_SIZE: Final = 1000
BROWSE_PAGE_SIZE: Final = 500


@dataclass(frozen=True, kw_only=True)
class _Filters:
    """The filters that both calls share; all of them have to hold (they are ANDed).

    Attributes:
        category_ids: Only objects of one of these categories (MXAccess reference,
            section 7.2); empty for all.
        template_chain_contains: Only objects with a template whose name contains one
            of these texts; empty for all. The gateway does the matching.
        tag_name_glob: Only objects whose whole tag name matches, ignoring case; `*`
            stands for any text, `?` for one character. Empty for all.
        include_attributes: Whether objects come with their attributes; None leaves it
            to the gateway, which includes them. False gives skeletons.
        alarm_bearing_only: Only objects with an attribute that has an alarm.
        historized_only: Only objects with an attribute that is historized.
    """

    category_ids: tuple[int, ...] = ()
    template_chain_contains: tuple[str, ...] = ()
    tag_name_glob: str = ""
    include_attributes: bool | None = None
    alarm_bearing_only: bool = False
    historized_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "category_ids", _entries("category_ids", self.category_ids, int))
        for number in self.category_ids:
            _check_int32("category_ids", number)
        texts = _entries("template_chain_contains", self.template_chain_contains, str)
        if "" in texts:
            raise ConfigurationError("template_chain_contains: an empty text matches nothing")
        object.__setattr__(self, "template_chain_contains", texts)
        if not isinstance(self.tag_name_glob, str):
            raise ConfigurationError(f"tag_name_glob: give a text, not {self.tag_name_glob!r}")
        _check_flag("include_attributes", self.include_attributes, optional=True)
        _check_flag("alarm_bearing_only", self.alarm_bearing_only)
        _check_flag("historized_only", self.historized_only)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed.

        Raises:
            ConfigurationError: A field is unknown, or a value is wrong.
        """
        try:
            return replace(self, **changes)
        except TypeError as error:
            raise ConfigurationError(f"no such option: {error}") from error

    def _common(self) -> dict[str, Any]:
        return {
            "category_ids": list(self.category_ids),
            "template_chain_contains": list(self.template_chain_contains),
            "tag_name_glob": self.tag_name_glob,
            "include_attributes": self.include_attributes,
            "alarm_bearing_only": self.alarm_bearing_only,
            "historized_only": self.historized_only,
        }


@dataclass(frozen=True, kw_only=True)
class DiscoverHierarchyOptions(_Filters):
    """Which part of the galaxy to discover; without arguments all of it.

    The root is given in at most one of three ways; without one the walk covers
    the whole galaxy. Further attributes, the filters, are those of BrowseOptions.

    Attributes:
        root_gobject_id: The root by its object id.
        root_tag_name: The root by its tag name.
        root_contained_path: The root by its contained path.
        max_depth: Levels below the root: 0 for the root alone, None for all.
        page_size: Objects to ask for at a time; the gateway may send fewer. Lower it
            where objects have so many attributes that a page outgrows the message limit.

    Raises:
        ConfigurationError: A value is wrong, or the root was given twice.
    """

    root_gobject_id: int | None = None
    root_tag_name: str | None = None
    root_contained_path: str | None = None
    max_depth: int | None = None
    page_size: int = DISCOVER_PAGE_SIZE

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_start(
            root_gobject_id=self.root_gobject_id,
            root_tag_name=self.root_tag_name,
            root_contained_path=self.root_contained_path,
        )
        if self.max_depth is not None:
            _check_int32("max_depth", self.max_depth, minimum=0)
        _check_int32("page_size", self.page_size, minimum=1)

    @property
    def root(self) -> str:
        """The root in words, for messages."""
        return _start(self.root_gobject_id, self.root_tag_name, self.root_contained_path)

    def request(self, page_token: str = "") -> DiscoverHierarchyRequest:  # nosec B107 # no password
        """Return the request for the page that `page_token` stands for; empty for the first."""
        return DiscoverHierarchyRequest(
            page_size=self.page_size,
            page_token=page_token,
            root_gobject_id=self.root_gobject_id,
            root_tag_name=self.root_tag_name,
            root_contained_path=self.root_contained_path,
            max_depth=self.max_depth,
            **self._common(),
        )


@dataclass(frozen=True, kw_only=True)
class BrowseOptions(_Filters):
    """Where to start browsing and what to see; without arguments the root objects.

    The filters hold for every level that is expanded later. A filter that hides an
    object hides the way to what is below it.

    Attributes:
        parent_gobject_id: List the children of the object with this id.
        parent_tag_name: The same by tag name.
        parent_contained_path: The same by contained path.
        page_size: Children to ask for at a time; the gateway's cap is 5000.
        category_ids: Only objects of one of these categories; empty for all.
        template_chain_contains: Only objects with a template whose name contains one
            of these texts; empty for all.
        tag_name_glob: Only objects whose whole tag name matches, ignoring case; `*`
            stands for any text, `?` for one character. Empty for all.
        include_attributes: Whether objects come with their attributes; None leaves it
            to the gateway, which includes them. False gives skeletons.
        alarm_bearing_only: Only objects with an attribute that has an alarm.
        historized_only: Only objects with an attribute that is historized.

    Raises:
        ConfigurationError: A value is wrong, or the parent was given twice.
    """

    parent_gobject_id: int | None = None
    parent_tag_name: str | None = None
    parent_contained_path: str | None = None
    page_size: int = BROWSE_PAGE_SIZE

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_start(
            parent_gobject_id=self.parent_gobject_id,
            parent_tag_name=self.parent_tag_name,
            parent_contained_path=self.parent_contained_path,
        )
        _check_int32("page_size", self.page_size, minimum=1)

    @property
    def parent(self) -> str:
        """The parent in words, for messages."""
        return _start(self.parent_gobject_id, self.parent_tag_name, self.parent_contained_path)

    def below(self, gobject_id: int) -> Self:
        """Return the same filters for the children of another object."""
        return replace(
            self,
            parent_gobject_id=gobject_id,
            parent_tag_name=None,
            parent_contained_path=None,
        )

    def request(self, page_token: str = "") -> BrowseChildrenRequest:  # nosec B107 # no password
        """Return the request for the page that `page_token` stands for; empty for the first."""
        return BrowseChildrenRequest(
            parent_gobject_id=self.parent_gobject_id,
            parent_tag_name=self.parent_tag_name,
            parent_contained_path=self.parent_contained_path,
            page_size=self.page_size,
            page_token=page_token,
            **self._common(),
        )


def _entries(name: str, value: Iterable[Any], kind: type) -> tuple[Any, ...]:
    """Return a list option as a tuple; one bare text is a likely slip, not a list of letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{name}: give a list, not {value!r}")
    entries = tuple(value)
    for entry in entries:
        if not isinstance(entry, kind) or isinstance(entry, bool):
            wanted = "integers" if kind is int else "texts"
            raise ConfigurationError(f"{name}: give {wanted}, not {entry!r}")
    return entries


def _check_int32(name: str, value: object, *, minimum: int = _INT32.start) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name}: give an integer, not {value!r}")
    if not minimum <= value < _INT32.stop:
        raise ConfigurationError(f"{name}: give {minimum} to {_INT32.stop - 1}, not {value}")


def _check_flag(name: str, value: object, *, optional: bool = False) -> None:
    if isinstance(value, bool) or (optional and value is None):
        return
    choices = "True, False or None" if optional else "True or False"
    raise ConfigurationError(f"{name}: give {choices}, not {value!r}")


def _check_start(**ways: object) -> None:
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ConfigurationError(f"give only one of {', '.join(ways)}, not {' and '.join(given)}")
    for name in given:
        value = ways[name]
        if name.endswith("_gobject_id"):
            _check_int32(name, value)
        elif not isinstance(value, str) or not value:
            raise ConfigurationError(f"{name}: give a text that is not empty, not {value!r}")


def _start(gobject_id: int | None, tag_name: str | None, path: str | None) -> str:
    if gobject_id is not None:
        return f"object {gobject_id}"
    if tag_name is not None:
        return f"object {tag_name!r}"
    return "the galaxy" if path is None else f"path {path!r}"
