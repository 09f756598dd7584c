"""Browsing one level at a time: LazyBrowseNode, which `GalaxyRepositoryClient.browse` returns."""

from mxgateway.galaxy.browse import LazyBrowseNode

__all__ = ["LazyBrowseNode"]
