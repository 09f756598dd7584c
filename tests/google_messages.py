"""Google's own protobuf classes and grpcio stubs for the contract, generated when a test asks.

They share nothing with `mxgateway.generated`: Google's protoc reads `proto/` and
writes into a temporary folder that is gone once the modules are imported. Use
them as the independent second opinion on bytes, JSON and wire behaviour.
"""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from grpc_tools import protoc

__all__ = ["GoogleModules", "load_google_modules"]

PROTO_DIR = Path(__file__).resolve().parents[1] / "proto"
PROTO_FILES = (
    "google/rpc/status.proto",
    "galaxy_repository.proto",
    "mxaccess_gateway.proto",
    "mxaccess_worker.proto",
)


@dataclass(frozen=True, slots=True)
class GoogleModules:
    """The generated modules.

    Attributes:
        gateway_pb2: Messages of mxaccess_gateway.proto.
        galaxy_pb2: Messages of galaxy_repository.proto.
        worker_pb2: Messages of mxaccess_worker.proto.
        status_pb2: google.rpc.Status.
        gateway_grpc: grpcio stub, servicer and registration function of MxAccessGateway.
        galaxy_grpc: The same of GalaxyRepository.
    """

    gateway_pb2: ModuleType
    galaxy_pb2: ModuleType
    worker_pb2: ModuleType
    status_pb2: ModuleType
    gateway_grpc: ModuleType
    galaxy_grpc: ModuleType


@functools.cache
def load_google_modules() -> GoogleModules:
    """Generate and import the modules; once per process, later calls return the same object.

    Raises:
        RuntimeError: protoc refused the contract; its messages are on stderr.
    """
    with tempfile.TemporaryDirectory(prefix="google-messages-") as folder:
        _generate(Path(folder))
        with _import_path(folder):
            return GoogleModules(
                status_pb2=importlib.import_module("google.rpc.status_pb2"),
                gateway_pb2=importlib.import_module("mxaccess_gateway_pb2"),
                galaxy_pb2=importlib.import_module("galaxy_repository_pb2"),
                worker_pb2=importlib.import_module("mxaccess_worker_pb2"),
                gateway_grpc=importlib.import_module("mxaccess_gateway_pb2_grpc"),
                galaxy_grpc=importlib.import_module("galaxy_repository_pb2_grpc"),
            )


def _generate(folder: Path) -> None:
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    with importlib.resources.as_file(well_known) as include:
        code = protoc.main(
            [
                "protoc",
                f"-I{PROTO_DIR}",
                f"-I{include}",
                f"--python_out={folder}",
                f"--grpc_python_out={folder}",
                *PROTO_FILES,
            ]
        )
    if code != 0:
        raise RuntimeError(f"protoc ended with {code} on {PROTO_DIR}; see its messages above")


@contextmanager
def _import_path(folder: str) -> Iterator[None]:
    """Let imports see `folder`, without leaving byte code or a path entry behind."""
    writes_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = writes_bytecode
