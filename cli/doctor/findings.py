"""A finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from mxgateway.errors import MxGatewayError

from ..exit_codes import ExitCode, exit_code_for
from ..output.rows import Shape
from ..output.tables import Cell, Column

__all__ = ["FINDINGS", "Finding", "Outcome", "Report", "rows_for_people"]


class Outcome(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        check: Its name, the same from run to run.
        outcome: How it came out.
        text: What was found.
        advice: What to do about it; empty where nothing has to be done.
        more: Further lines for people; programs find this in `details`.
        details: The same for programs, in plain JSON types.
        code: The exit code that it calls for.
    """

    check: str
    outcome: Outcome
    text: str
    advice: str = ""
    more: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    code: ExitCode = ExitCode.OK


class Report:
    """The findings so far, in order."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def ok(self, check: str, text: str, *, more: tuple[str, ...] = (), **details: Any) -> None:
        """Add that something is as it should be."""
        self.add(Finding(check=check, outcome=Outcome.OK, text=text, more=more, details=details))

    def skipped(self, check: str, text: str, advice: str = "") -> None:
        """Add that something was not looked at."""
        self.add(Finding(check=check, outcome=Outcome.SKIPPED, text=text, advice=advice))

    def warning(
        self, check: str, text: str, advice: str, *, more: tuple[str, ...] = (), **details: Any
    ) -> None:
        """Add something that works and still deserves attention."""
        self.add(
            Finding(
                check=check,
                outcome=Outcome.WARNING,
                text=text,
                advice=advice,
                more=more,
                details=details,
            )
        )

    def failed(self, check: str, text: str, advice: str, code: ExitCode, **details: Any) -> None:
        """Add something that keeps the gateway from being used."""
        self.add(
            Finding(
                check=check,
                outcome=Outcome.FAILED,
                text=text,
                advice=advice,
                details=details,
                code=code,
            )
        )

    def error(self, check: str, error: MxGatewayError) -> None:
        """Add an error of the library as a failure."""
        self.failed(check, error.message, error.hint, exit_code_for(error), error=error.to_dict())

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        self.findings.append(finding)

    @property
    def code(self) -> ExitCode:
        """The exit code of the first failure, else success; warnings are success."""
        return next((f.code for f in self.findings if f.code is not ExitCode.OK), ExitCode.OK)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome."""
        outcomes = {finding.outcome for finding in self.findings}
        for worst in (Outcome.FAILED, Outcome.WARNING):
            if worst in outcomes:
                return worst
        return Outcome.OK


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "outcome": finding.outcome.value,
        "text": finding.text,
        "advice": finding.advice,
        "details": finding.details,
    }


_STYLES: Final = {
    Outcome.OK: "green",
    Outcome.WARNING: "yellow",
    Outcome.FAILED: "bold red",
    Outcome.SKIPPED: "dim",
}

FINDINGS: Final[Shape[Finding]] = Shape(
    name="findings",
    document=_document,
    members=("check", "outcome", "text", "advice"),
    columns=(Column("Check"), Column("Outcome"), Column("Finding")),
    cells=lambda f: [f.check, Cell(f.outcome.value, _STYLES[f.outcome]), f.text],
)


def rows_for_people(report: Report) -> list[list[Cell | str]]:
    """Return the rows of the table: below each finding what belongs to it and what to do."""
    rows: list[list[Cell | str]] = []
    for finding in report.findings:
        rows.append(list(FINDINGS.cells(finding)))
        rows += [["", "", Cell(line, "dim")] for line in finding.more]
        if finding.advice:
            rows.append(["", "", Cell(f"-> {finding.advice}", "bold")])
    return rows
