"""TestService on two stacks that share no code with the client or with each other."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
from grpcjs.grpcjs_gateway import NodeProcess, start_node
from interop_cases.case_messages import load_case_modules
from interop_cases.ccore_service import ccore_test_service


@pytest.fixture(scope="session")
def messages() -> ModuleType:
    """betterproto2's messages of test.proto."""
    return load_case_modules().ours


@pytest.fixture(scope="session")
def ccore_endpoint() -> Iterator[str]:
    """Where grpcio's C core serves."""
    with ccore_test_service() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def node() -> Iterator[NodeProcess]:
    """The process that holds the services on grpc-js."""
    with start_node() as process:
        yield process


@pytest.fixture(scope="session")
def grpcjs_endpoint(node: NodeProcess) -> Iterator[str]:
    """Where grpc-js serves."""
    with node.gateway() as gateway:
        yield gateway.endpoint


@pytest.fixture(params=["c-core", "grpc-js"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """`host:port` of TestService, once on each stack."""
    name = "ccore_endpoint" if request.param == "c-core" else "grpcjs_endpoint"
    endpoint: str = request.getfixturevalue(name)
    return endpoint
