"""Tells where the files in locks/ no longer fit pyproject.toml; needs no network.

python .ci/lock_check.py [--root FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockfile import TARGETS, LockError, Pin, read, unmet
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def required(pyproject: dict[str, Any]) -> dict[str, list[Requirement]]:
    """Return what each lock is made from, by the name of its file."""
    project = pyproject["project"]
    texts = {
        "runtime.txt": project["dependencies"],
        "build.txt": pyproject["build-system"]["requires"],
        "dev.txt": project["dependencies"] + list(_with_extra(project, "dev")),
    }
    texts |= {f"{name}.txt": group for name, group in pyproject["dependency-groups"].items()}
    return {file: [Requirement(text) for text in lines] for file, lines in texts.items()}


def _with_extra(project: dict[str, Any], extra: str) -> Iterator[str]:
    """Yield the requirements of an extra and of those extras of the project that it names."""
    for text in project["optional-dependencies"][extra]:
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            for other in sorted(requirement.extras):
                yield from _with_extra(project, other)
        else:
            yield text


def problems(root: Path) -> Iterator[str]:
    """Yield all that is wrong with the locks of a source tree."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = required(pyproject)
    locks: dict[str, list[Pin]] = {}
    for file, requirements in wanted.items():
        path = root / "locks" / file
        if not path.is_file():
            yield f"locks/{file} does not exist"
            continue
        try:
            locks[file] = read(path)
        except LockError as error:
            yield f"locks/{error}"
            continue
        yield from (f"locks/{file}: {text}" for text in unmet(requirements, locks[file]))
        names = {str(canonicalize_name(requirement.name)) for requirement in requirements}
        for pin in locks[file]:
            if pin.asked_for and pin.name not in names:
                yield f"locks/{file}: {pin.name} is no longer in pyproject.toml"
        yield from (f"locks/{file}: {text}" for text in _doubled(locks[file]))
    for path in sorted((root / "locks").glob("*.txt")):
        if path.name not in wanted:
            yield f"locks/{path.name}: nothing in pyproject.toml is locked by this file"
    yield from _differences(locks)
    if len({pin.name for pin in locks.get("runtime.txt", [])}) != len(locks.get("runtime.txt", [])):
        yield "locks/runtime.txt: a project has two versions; the single file can hold only one"


def _doubled(pins: list[Pin]) -> Iterator[str]:
    """Yield which projects have more than one version on one target."""
    for name in sorted({pin.name for pin in pins}):
        for target in TARGETS:
            if sum(pin.name == name and pin.holds(target) for pin in pins) > 1:
                place = f"Python {target['python_version']} on {target['platform_system']}"
                yield f"{name} has two versions for {place}"
                break


def _differences(locks: dict[str, list[Pin]]) -> Iterator[str]:
    """Yield what is tested in another version than it is installed or built with."""
    tested = [_versions(locks.get("dev.txt", []), target) for target in TARGETS]
    for file in ("runtime.txt", "build.txt"):
        found = set()
        for target, dev in zip(TARGETS, tested, strict=True):
            found |= _versions(locks.get(file, []), target) - dev
        for name, version in sorted(found):
            yield f"locks/{file}: {name} {version} is not what locks/dev.txt has"


def _versions(pins: list[Pin], target: dict[str, str]) -> set[tuple[str, Version]]:
    return {(pin.name, pin.version) for pin in pins if pin.holds(target)}


def main() -> int:
    """Print what is wrong; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="source tree to look at")
    found = list(problems(parser.parse_args().root))
    for text in found:
        sys.stderr.write(f"{text}\n")
    if found:
        sys.stderr.write("Run `make lock`, then commit pyproject.toml and locks/ together.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
