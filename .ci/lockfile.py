"""Reads the files in locks/ and tells what they lack for a list of requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# Where the package may be used. The last digits of a Python are the lowest and one that no
# release reaches, for markers such as `python_full_version < "3.11.3"`.
TARGETS = [
    {
        "python_version": version,
        "python_full_version": f"{version}.{patch}",
        "sys_platform": platform,
        "platform_system": system,
        "os_name": "nt" if system == "Windows" else "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    for version in ("3.11", "3.12", "3.13", "3.14")
    for patch in (0, 99)
    for platform, system in (("win32", "Windows"), ("linux", "Linux"), ("darwin", "Darwin"))
]
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_OURSELVES = "mxgateway (pyproject.toml"
_WORDS_OF_MARKERS = set(TARGETS[0]) - {"extra"} | {"and", "or", "in", "not"}


class LockError(ValueError):
    """A lock has a line that it must not have; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock.

    Attributes:
        name: The normalised name of the project.
        version: The one version that is installed.
        marker: Where it is installed; everywhere without one.
        hashes: The SHA-256 digests of the files that it may come in, each as `sha256:...`.
        asked_for: pyproject.toml names it, says the comment below the entry.
    """

    name: str
    version: Version
    marker: Marker | None
    hashes: frozenset[str]
    asked_for: bool

    def holds(self, target: dict[str, str]) -> bool:
        """Tell whether it is installed on a target."""
        return self.marker is None or self.marker.evaluate(target)


def read(path: Path) -> list[Pin]:
    """Return the entries of a lock in order.

    Raises:
        LockError: A line is no exact version with SHA-256 hashes and a marker about our targets.
    """
    pins = []
    for where, entry, comment in _entries(path):
        text, *hashes = re.split(r"\s+--hash=", entry)
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise LockError(f"{where}: `{text}` is no pinned project: {error}") from error
        exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
        if requirement.url or exact is None:
            raise LockError(f"{where}: `{text}` does not name one version")
        if not hashes or not all(_HASH.fullmatch(text) for text in hashes):
            raise LockError(f"{where}: {requirement.name} needs SHA-256 hashes and nothing else")
        _check_marker(requirement.marker, where)
        pins.append(
            Pin(
                name=str(canonicalize_name(requirement.name)),
                version=Version(exact[1]),
                marker=requirement.marker,
                hashes=frozenset(hashes),
                asked_for=_OURSELVES in comment,
            )
        )
    return pins


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield place, joined lines and comment of each entry."""
    place, entry, comment = "", "", ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text, _, said = line.partition("#")
        if text and not text[0].isspace():
            if entry:
                yield place, entry, comment
            place, entry, comment = f"{path.name}:{number}", "", ""
        entry = " ".join([entry, *text.removesuffix("\\").split()]).strip()
        comment += said
    if entry:
        yield place, entry, comment


def _check_marker(marker: Marker | None, where: str) -> None:
    if marker is None:
        return
    words = set(re.findall(r"[a-z_]+", re.sub(r'"[^"]*"', "", str(marker))))  # values left out
    if unknown := words - _WORDS_OF_MARKERS:
        raise LockError(f"{where}: a marker asks for {', '.join(sorted(unknown))}")
    if not any(marker.evaluate(target) for target in TARGETS):
        raise LockError(f"{where}: `{marker}` holds on no supported Python and system")


def unmet(required: Iterable[Requirement], pins: Iterable[Pin]) -> list[str]:
    """Return what requirements lack in a lock on any target, one text for each of them."""
    by_name: dict[str, list[Pin]] = {}
    for pin in pins:
        by_name.setdefault(pin.name, []).append(pin)
    missing = []
    for requirement in required:
        candidates = by_name.get(str(canonicalize_name(requirement.name)), [])
        for target in TARGETS:
            if requirement.marker is not None and not requirement.marker.evaluate(target):
                continue
            there = [pin.version for pin in candidates if pin.holds(target)]
            if not any(requirement.specifier.contains(v, prereleases=True) for v in there):
                has = " and ".join(str(version) for version in there) or "nothing"
                place = f"Python {target['python_version']} on {target['platform_system']}"
                missing.append(f"{requirement} is required, and for {place} there is {has}")
                break
    return missing
