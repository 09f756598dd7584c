"""The library without await, for scripts and notebooks.

The names are those of `mxgateway`; the calls block, streams are plain iterators.
"""

from mxgateway.sync.blocking import Stream
from mxgateway.sync.client import GatewayClient
from mxgateway.sync.galaxy import GalaxyRepositoryClient, LazyBrowseNode
from mxgateway.sync.session import Session
from mxgateway.sync.streams import (
    AlarmFollower,
    DeployWatch,
    EventStream,
    HierarchyIterator,
    MessageStream,
)
from mxgateway.sync.tags import TagSubscription

__all__ = [
    "AlarmFollower",
    "DeployWatch",
    "EventStream",
    "GalaxyRepositoryClient",
    "GatewayClient",
    "HierarchyIterator",
    "LazyBrowseNode",
    "MessageStream",
    "Session",
    "Stream",
    "TagSubscription",
]
