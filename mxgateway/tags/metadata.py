"""What the galaxy says about a tag: type and security classification."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio

from mxgateway.errors import MxGatewayError, NotFoundError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.tags.items import key_of

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["SECURED", "VERIFIED", "TagMetadata", "TagMetadataCache"]

_log = logging.getLogger("mxgateway.tags")

SECURED: Final = 2
VERIFIED: Final = 3
_NATIVE_TO_PROTO: Final = 2  # gateway semantics, section 10: the galaxy has the native numbers
_OBJECTS: Final = 1000  # objects kept


class TagMetadata(NamedTuple):
    """What the galaxy has about an attribute.

    Attributes:
        data_type: Its type.
        is_array: Whether it is an array.
        classification: Its security classification (MXAccess reference, section 6).
    """

    data_type: MxDataType
    is_array: bool
    classification: int


class TagMetadataCache:
    """Asks the galaxy once for each object.

    A galaxy that cannot be asked (the key lacks the scope, say) is no obstacle:
    the answer is then None, and the write finds out by itself.
    """

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._objects: dict[str, dict[str, TagMetadata]] = {}
        self._asking: dict[str, anyio.Lock] = {}

    async def find(self, tag: str) -> TagMetadata | None:
        """Return what the galaxy has about `tag`; None where it has or says nothing.

        An element of an array counts as a scalar. Names are tag names, as AddItem takes them.
        """
        base, bracket, index = key_of(tag).partition("[")
        name, _, _ = base.partition(".")
        asking = self._asking.setdefault(name, anyio.Lock())
        try:
            async with asking:  # of each object once; one does not wait for another
                if name not in self._objects:
                    # As it was given: nothing says that the galaxy ignores case as well.
                    attributes = await self._ask(tag[: len(name)])
                    if len(self._objects) >= _OBJECTS:
                        self._objects.clear()
                    self._objects[name] = attributes
                found = self._objects[name].get(base)
        except MxGatewayError as error:
            _log.debug("the galaxy says nothing about %r: %s", tag, error)
            return None
        finally:
            self._asking.pop(name, None)
        if found is not None and bracket and index not in ("]", "-1]"):
            found = found._replace(is_array=False)
        return found

    async def _ask(self, name: str) -> dict[str, TagMetadata]:
        # Only writes ask: who reads does not wait for the galaxy's messages to be loaded.
        from mxgateway.galaxy import DiscoverHierarchyOptions, GalaxyRepositoryClient

        options = DiscoverHierarchyOptions(root_tag_name=name, max_depth=0)
        try:
            objects = await GalaxyRepositoryClient.on(self._client).discover_hierarchy(options)
        except NotFoundError:
            return {}
        return {
            key_of(attribute.full_tag_reference).removesuffix("[]"): TagMetadata(
                MxDataType(attribute.mx_data_type + _NATIVE_TO_PROTO),
                attribute.is_array,
                attribute.security_classification,
            )
            for each in objects
            for attribute in each.attributes
        }
