"""Generates mxgateway/generated from the .proto files beside this script.

    python proto/generate.py            write the package anew
    python proto/generate.py --check    only say, with a diff, whether it is up to date

The output depends on the .proto files and the pinned tools alone: the compiler runs in
an empty folder with its own ruff configuration, so neither the working directory nor a
configuration above it can change a byte.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "mxgateway" / "generated"
SOURCES = (
    "mxaccess_gateway.proto",
    "galaxy_repository.proto",
    "mxaccess_worker.proto",
    "google/rpc/status.proto",
)
PLUGIN = "protoc-gen-python_betterproto2"
RUFF_CONFIG = 'line-length = 100\ntarget-version = "py311"\nsrc = []\n'
WELL_KNOWN = Path("google/protobuf/__init__.py")
IMPORTS = """\
import mxgateway.duration
import mxgateway.timestamp
"""

# What the two time messages get in place of the compiler's own methods, which drop the
# digits below the microsecond, refuse years that no datetime holds, and write negative
# durations wrongly.
METHODS = {
    "Timestamp": """
    @classmethod
    def from_datetime(cls, dt: datetime.datetime) -> Self:
        return cls(*mxgateway.timestamp.unix_parts(dt))

    def to_datetime(self) -> mxgateway.timestamp.Timestamp:
        return mxgateway.timestamp.Timestamp.from_unix(self.seconds, self.nanos)

    @classmethod
    def from_dict(cls, value, *, ignore_unknown_fields: bool = False) -> Self:
        if isinstance(value, str):
            return cls.from_datetime(mxgateway.timestamp.Timestamp.parse(value))
        return super().from_dict(value, ignore_unknown_fields=ignore_unknown_fields)

    def to_dict(
        self,
        *,
        output_format: betterproto2.OutputFormat = betterproto2.OutputFormat.PROTO_JSON,
        casing: betterproto2.Casing = betterproto2.Casing.CAMEL,
        include_default_values: bool = False,
    ) -> dict[str, typing.Any] | typing.Any:
        return self.to_datetime().to_json()

    @classmethod
    def from_wrapped(cls, wrapped: datetime.datetime) -> Self:
        return cls.from_datetime(wrapped)

    def to_wrapped(self) -> mxgateway.timestamp.Timestamp:
        return self.to_datetime()
""",
    "Duration": """
    @classmethod
    def from_timedelta(cls, delta: datetime.timedelta) -> Self:
        return cls(*mxgateway.duration.Duration.from_timedelta(delta).to_wire())

    def to_timedelta(self) -> mxgateway.duration.Duration:
        return mxgateway.duration.Duration.from_wire(self.seconds, self.nanos)

    @classmethod
    def from_dict(cls, value, *, ignore_unknown_fields: bool = False) -> Self:
        if isinstance(value, str):
            return cls.from_timedelta(mxgateway.duration.Duration.parse(value))
        return super().from_dict(value, ignore_unknown_fields=ignore_unknown_fields)

    def to_dict(
        self,
        *,
        output_format: betterproto2.OutputFormat = betterproto2.OutputFormat.PROTO_JSON,
        casing: betterproto2.Casing = betterproto2.Casing.CAMEL,
        include_default_values: bool = False,
    ) -> dict[str, typing.Any] | typing.Any:
        return self.to_timedelta().to_json()

    @classmethod
    def from_wrapped(cls, wrapped: datetime.timedelta) -> Self:
        return cls.from_timedelta(wrapped)

    def to_wrapped(self) -> mxgateway.duration.Duration:
        return self.to_timedelta()
""",
}


# A decoded time is a Timestamp, and any datetime may be set: type checkers see both.
TIME_FIELD = '"datetime.datetime | None" = betterproto2.field('
TYPED_TIME_FIELD = '"mxgateway.timestamp.TimeField" = betterproto2.field('


class GenerationError(Exception):
    """A tool is missing or failed; the text says which and what to do."""


def find_tool(name: str) -> Path:
    """Return a console script that lies beside the running interpreter.

    The environment need not be activated; on Windows scripts end in `.exe`.

    Raises:
        GenerationError: It is not there.
    """
    folder = Path(sys.executable).parent
    for candidate in (folder / name, folder / f"{name}.exe", folder / "Scripts" / f"{name}.exe"):
        if candidate.is_file():
            return candidate
    raise GenerationError(
        f"{name} is not installed beside {sys.executable}; install the development "
        "dependencies: python -m pip install -e .[dev]"
    )


def run(command: Sequence[str | os.PathLike[str]], folder: Path, text: str | None = None) -> str:
    """Run a tool in `folder` and return what it wrote to stdout.

    Raises:
        GenerationError: It failed; the text holds what it wrote to stderr.
    """
    # The compiler calls `ruff` by its bare name.
    path = os.pathsep.join([str(find_tool("ruff").parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONUTF8": "1"}
    result = subprocess.run(
        command, cwd=folder, env=environment, input=text, capture_output=True, encoding="utf-8"
    )
    if result.returncode:
        raise GenerationError(f"{Path(command[0]).name} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def replace_methods(source: str) -> str:
    """Return the module of the well-known types with METHODS in place of the compiler's.

    Raises:
        GenerationError: The module does not look as expected.
    """
    tree = ast.parse(source)
    classes = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in METHODS
    }
    if classes.keys() != METHODS.keys():
        raise GenerationError(f"the compiler's output lacks one of {', '.join(METHODS)}")
    lines = source.splitlines(keepends=True)
    # From the end, so that line numbers before stay what they are.
    for node in sorted(classes.values(), key=lambda n: n.lineno, reverse=True):
        functions = [item for item in node.body if isinstance(item, ast.FunctionDef)]
        if not functions:
            raise GenerationError(f"the compiler's {node.name} has no methods to replace")
        first = min(min([f.lineno, *(d.lineno for d in f.decorator_list)]) for f in functions)
        last = max(f.end_lineno or 0 for f in functions)
        lines[first - 1 : last] = [METHODS[node.name].lstrip("\n")]
    first_import = next(n for n in tree.body if isinstance(n, ast.Import))
    lines.insert(first_import.lineno - 1, IMPORTS)
    return "".join(lines)


def type_times(source: str) -> str:
    """Return a module whose fields for a time are annotated with TimeField."""
    if TIME_FIELD not in source:
        return source
    first_import = next(n for n in ast.parse(source).body if isinstance(n, ast.Import))
    lines = source.replace(TIME_FIELD, TYPED_TIME_FIELD).splitlines(keepends=True)
    lines.insert(first_import.lineno - 1, "import mxgateway.timestamp\n")
    return "".join(lines)


def tidy(source: str, folder: Path) -> str:
    """Return a module with unused imports dropped, imports sorted, and formatted."""
    ruff = find_tool("ruff")
    fixed = run([ruff, "check", "--select", "I,F401", "--fix", "--silent", "-"], folder, source)
    return run([ruff, "format", "-"], folder, fixed)


def generate() -> dict[Path, str]:
    """Return every file of the package, by its path below `mxgateway/generated`.

    Raises:
        GenerationError: A tool is missing or failed.
    """
    includes = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "out"
        out.mkdir()
        (folder / "ruff.toml").write_text(RUFF_CONFIG, encoding="utf-8")
        command: list[str] = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--plugin={PLUGIN}={find_tool(PLUGIN)}",
            f"-I{HERE}",
            f"-I{includes}",
            f"--python_betterproto2_out={out}",
            "--python_betterproto2_opt=client_generation=async,server_generation=async",
            *SOURCES,
        ]
        run(command, folder)
        files = {
            path.relative_to(out): path.read_text(encoding="utf-8")
            for path in sorted(out.rglob("*"))
            if path.is_file()
        }
        files[WELL_KNOWN] = replace_methods(files[WELL_KNOWN])
        for path, text in files.items():
            typed = type_times(text)
            if typed != text or path == WELL_KNOWN:
                files[path] = tidy(typed, folder)
    return files


def present() -> dict[Path, str]:
    """Return every file that now lies in `mxgateway/generated`."""
    return {
        path.relative_to(TARGET): path.read_text(encoding="utf-8")
        for path in sorted(TARGET.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def write(wanted: dict[Path, str], found: dict[Path, str]) -> None:
    """Bring the folder to what is wanted; files that no longer belong there are removed."""
    for path in found.keys() - wanted.keys():
        (TARGET / path).unlink()
    for path, text in wanted.items():
        if found.get(path) != text:
            (TARGET / path).parent.mkdir(parents=True, exist_ok=True)
            (TARGET / path).write_text(text, encoding="utf-8", newline="\n")


def differences(wanted: dict[Path, str], found: dict[Path, str]) -> list[str]:
    """Return readable lines on every file that differs, is missing or is too many."""
    lines: list[str] = []
    for path in sorted(wanted.keys() | found.keys()):
        shown = f"mxgateway/generated/{path.as_posix()}"
        if path not in wanted:
            lines.append(f"{shown}: no .proto file gives this file")
        elif path not in found:
            lines.append(f"{shown}: missing")
        elif wanted[path] != found[path]:
            old, new = found[path].splitlines(), wanted[path].splitlines()
            lines += difflib.unified_diff(old, new, shown, f"{shown} (generated)", lineterm="", n=1)
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Generate or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Generate mxgateway/generated from proto/.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    options = parser.parse_args(arguments)
    try:
        wanted = generate()
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 2
    found = present()
    if not options.check:
        write(wanted, found)
        return 0
    lines = differences(wanted, found)
    if not lines:
        return 0
    print("\n".join(lines[:200]))
    if len(lines) > 200:
        print(f"... and {len(lines) - 200} lines more")
    print("mxgateway/generated is not what proto/ gives; run `make proto`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
