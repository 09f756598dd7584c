"""The Galaxy Repository: what is deployed, as lists, iterators, trees and events."""

from mxgateway.galaxy.browse import LazyBrowseNode
from mxgateway.galaxy.client import GalaxyRepositoryClient
from mxgateway.galaxy.filters import BrowseOptions, DiscoverHierarchyOptions
from mxgateway.galaxy.hierarchy import HierarchyIterator
from mxgateway.galaxy.pages import WalkProgress
from mxgateway.galaxy.tree import HierarchyNode, HierarchyTree, TagHit
from mxgateway.galaxy.watch import DeployGap, DeployWatch

__all__ = [
    "BrowseOptions",
    "DeployGap",
    "DeployWatch",
    "DiscoverHierarchyOptions",
    "GalaxyRepositoryClient",
    "HierarchyIterator",
    "HierarchyNode",
    "HierarchyTree",
    "LazyBrowseNode",
    "TagHit",
    "WalkProgress",
]
