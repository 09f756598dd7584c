"""Gateways on grpc-js; every test that wants one is skipped where node or grpc-js is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from grpcjs.grpcjs_gateway import GrpcJsGateway, NodeProcess, start_node


@pytest.fixture(scope="session")
def node() -> Iterator[NodeProcess]:
    """The process that holds the gateways."""
    with start_node() as process:
        yield process


@pytest.fixture
def gateway(node: NodeProcess) -> Iterator[GrpcJsGateway]:
    """A plaintext gateway for one test."""
    with node.gateway() as running:
        yield running
