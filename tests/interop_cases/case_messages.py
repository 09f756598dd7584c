"""The messages of test.proto, twice: betterproto2's for the client, Google's for the server.

Both are generated into a temporary folder when a test asks, and gone once imported.
"""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

__all__ = ["CaseModules", "load_case_modules"]

HERE = Path(__file__).resolve().parent
PLUGIN = "protoc-gen-python_betterproto2"
# betterproto2 writes a package `grpc.testing`; inside this one it does not hide grpcio.
WRAPPER = "interop_case_messages"


@dataclass(frozen=True, slots=True)
class CaseModules:
    """The generated modules.

    Attributes:
        ours: betterproto2's messages and stubs.
        pb2: Google's messages.
        pb2_grpc: grpcio's servicer and registration function.
    """

    ours: ModuleType
    pb2: ModuleType
    pb2_grpc: ModuleType


@functools.cache
def load_case_modules() -> CaseModules:
    """Generate and import the modules; once per process.

    Raises:
        RuntimeError: protoc or its plugin is missing or failed; the text holds what it wrote.
    """
    with tempfile.TemporaryDirectory(prefix="interop-cases-") as folder:
        ours = Path(folder) / WRAPPER
        ours.mkdir()
        _generate(Path(folder), ours)
        (ours / "__init__.py").touch()
        with _import_path(folder):
            return CaseModules(
                ours=importlib.import_module(f"{WRAPPER}.grpc.testing"),
                pb2=importlib.import_module("test_pb2"),
                pb2_grpc=importlib.import_module("test_pb2_grpc"),
            )


def _generate(google: Path, ours: Path) -> None:
    scripts = Path(sys.executable).parent
    plugin = next((p for p in (scripts / PLUGIN, scripts / f"{PLUGIN}.exe") if p.is_file()), None)
    if plugin is None:
        raise RuntimeError(f"{PLUGIN} is not installed beside {sys.executable}; run `make dev`")
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE}"),
        *(f"--python_out={google}", f"--grpc_python_out={google}"),
        f"--plugin={PLUGIN}={plugin}",
        f"--python_betterproto2_out={ours}",
        "--python_betterproto2_opt=client_generation=async",
        "test.proto",
    ]
    # The plugin calls `ruff` by its bare name.
    path = os.pathsep.join([str(scripts), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONUTF8": "1"}
    done = subprocess.run(
        command, cwd=google, env=environment, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise RuntimeError(f"protoc failed on test.proto:\n{done.stdout}{done.stderr}")


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
