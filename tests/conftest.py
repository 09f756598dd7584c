"""What every test gets: both event loops, certificates, and no leak that goes unseen."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from event_loops import LOOP_VARIABLE, backends
from google_messages import GoogleModules, load_google_modules
from hypothesis import settings
from tls_files import TlsFiles, issue_tls_files

# A slow machine is no failure: no example has a deadline, in whichever test it is.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")

# Terminal tests fork in a process where grpcio may run; its own handling of that ends the child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")


@pytest.fixture(scope="module", params=backends(os.environ.get(LOOP_VARIABLE, "")))
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Run every async test on asyncio (debug mode) and on trio, or on the loop that was chosen."""
    return request.param


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    # What collection imported lives to the end; frozen, it costs the collections below nothing.
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    # Plugins that look for referrers while they sum up must see the whole heap again.
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _collect_garbage_after_each_test() -> Iterator[None]:
    """Make a socket, stream or coroutine that a test left behind fail that very test.

    Its ResourceWarning comes when the collector finds it; warnings are errors,
    and pytest reports errors in finalizers with the test that has just ended.
    """
    yield
    gc.collect()


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """The certificate authority of this test run."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls_files(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """PEM files of `ca` and of a server for localhost, its addresses and `SERVER_NAME`."""
    return issue_tls_files(tmp_path_factory.mktemp("tls"), ca)


@pytest.fixture(scope="session")
def stranger_tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """The same, from an authority that nobody in this test run trusts."""
    return issue_tls_files(tmp_path_factory.mktemp("stranger-tls"), trustme.CA())


@pytest.fixture(scope="session")
def google() -> GoogleModules:
    """Google's protobuf messages and grpcio stubs of the contract."""
    return load_google_modules()
