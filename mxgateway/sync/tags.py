"""TagSubscription without await."""

from __future__ import annotations

from mxgateway.reading import TagValue
from mxgateway.sync.blocking import Stream, blocking
from mxgateway.tags import TagSubscription as AsyncTagSubscription
from mxgateway.tags import TagUpdate

__all__ = ["TagSubscription"]


class TagSubscription(Stream[TagUpdate]):
    """The values of some tags as they change, see `mxgateway.TagSubscription`."""

    _async: AsyncTagSubscription

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the order in which they were added."""
        return self._async.tags

    @property
    def values(self) -> dict[str, TagValue]:
        """The last value of each tag that has one, whether it was taken yet or not."""
        return self._async.values

    @property
    def dropped(self) -> int:
        """How many values were dropped because the consumer was slow."""
        return self._async.dropped

    add = blocking(AsyncTagSubscription.add)
    remove = blocking(AsyncTagSubscription.remove)
