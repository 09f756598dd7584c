"""Checks against a gateway that is really there; see docs/integration.md.

They run where MXGATEWAY_INTEGRATION=1 is set, and are skipped with that reason elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

import pytest
from integration.live_gateway import LiveGateway, wanted

from mxgateway import GatewayClient, Session

# What proves the checks starts simulators; against a live gateway there is nothing to prove.
collect_ignore = ["test_integration_proof.py"] if wanted() else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if wanted():
        terminalreporter.write_line(f"integration checks: {LiveGateway.of()}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say at every failure which client, which gateway and whose key it was; never the key."""
    report = yield
    if report.failed and wanted():
        report.sections.append(("gateway", str(LiveGateway.of())))
    return report


@pytest.fixture
def gateway() -> LiveGateway:
    """The gateway to check."""
    if not wanted():
        pytest.skip("runs against a live gateway: set MXGATEWAY_INTEGRATION=1")
    return LiveGateway.of()


@pytest.fixture
async def client(gateway: LiveGateway) -> AsyncIterator[GatewayClient]:
    """A running client."""
    async with GatewayClient.connect(options=gateway.options) as running:
        yield running


@pytest.fixture
async def session(client: GatewayClient) -> AsyncIterator[Session]:
    """A session that is closed in the end."""
    async with await client.open_session("mxgateway-integration") as opened:
        yield opened
