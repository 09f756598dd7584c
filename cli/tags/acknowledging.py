"""`alarms ack`: acknowledging by number, by tag or by reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..exit_codes import ExitCode
from ..failures import raise_in_batch, tell_failed_row, tell_partial
from ..numbers import is_whole
from ..options import Invocation
from ..output.rows import Shape, write_rows
from ..output.tables import Cell, Column
from ..run import run_with_client
from .alarm_rows import number_of

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.errors import MxGatewayError

__all__ = ["acknowledge"]

_NUMBERS: Final = range(10_000, 100_000)


@dataclass(frozen=True, slots=True)
class _Outcome:
    given: str
    reference: str
    error: MxGatewayError | None

    def document(self) -> dict[str, Any]:
        """Return it in plain JSON types."""
        error = self.error
        return {
            "given": self.given,
            "reference": self.reference,
            "number": number_of(self.reference),
            "ok": error is None,
            "processed": "yes" if error is None else error.processed,
            "error": None if error is None else error.to_dict(),
        }

    def cells(self) -> list[Cell | str]:
        """Return it as a row."""
        if self.error is None:
            return [self.reference, Cell("acknowledged", "green"), ""]
        unknown = self.error.processed == "maybe" and not self.error.refused
        verdict = "outcome unknown" if unknown else "not acknowledged"
        return [self.reference, Cell(verdict, "bold red"), self.error.message]


_OUTCOMES: Final[Shape[_Outcome]] = Shape(
    name="results",
    document=_Outcome.document,
    members=("given", "reference", "number", "ok", "processed", "error.message"),
    columns=(Column("Alarm"), Column("Outcome"), Column("Reason")),
    cells=_Outcome.cells,
)


def acknowledge(
    invocation: Invocation, which: Sequence[str], comment: str, operator: str
) -> ExitCode:
    """Acknowledge alarms one after another and say how each ended.

    All are looked up before the first one is sent.

    Raises:
        NotFoundError: No active alarm has a number or tag.
        ConfigurationError: A number or tag stands for several alarms.
        MxGatewayError: Connecting or looking up failed.
    """

    async def body(client: GatewayClient) -> list[_Outcome]:
        from mxgateway.errors import MxGatewayError

        pairs = await _resolve(client, which)
        outcomes = []
        for given, reference in pairs:
            error = None
            try:
                await client.acknowledge_alarm(reference, comment, operator)
            except MxGatewayError as raised:
                error = raised
            outcomes.append(_Outcome(given, reference, error))
        return outcomes

    outcomes = run_with_client(invocation, body)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    raise_in_batch(invocation, errors, len(outcomes))
    query = {"alarms": list(which), "comment": comment, "operator": operator}
    extra = {"query": query, "ok": not errors, "failed": len(errors)}
    write_rows(invocation, _OUTCOMES, outcomes, extra=extra)
    if len(outcomes) == len(errors) == 1:
        return tell_failed_row(invocation, errors[0])
    return tell_partial(invocation, len(errors), len(outcomes), "alarms", "were not acknowledged")


async def _resolve(client: GatewayClient, which: Sequence[str]) -> list[tuple[str, str]]:
    """Return each word with the reference it stands for."""
    if all(map(_is_reference, which)):
        return [(word, word) for word in which]
    from mxgateway.alarms.kept import collect_alarms

    alarms = await collect_alarms(client.query_active_alarms(), client.options.max_alarms)
    active = [alarm.alarm_full_reference for alarm in alarms]
    return [(w, w if _is_reference(w) else _one(w, active)) for w in which]


def _is_reference(word: str) -> bool:
    """Whether a word goes out as it is: a full reference or a GUID."""
    return "!" in word or "\\" in word or word.startswith("{") or word.count("-") == 4


def _one(word: str, active: Sequence[str]) -> str:
    from mxgateway.alarms import split_alarm_reference
    from mxgateway.errors import ConfigurationError, NotFoundError

    if is_whole(word):
        found = [reference for reference in active if number_of(reference) == int(word)]
        what = f"the number {word}"
    else:
        lowered = word.lower()
        found = [r for r in active if split_alarm_reference(r).tag.lower() == lowered]
        what = f"the tag {word!r}"
    found = list({reference.lower(): reference for reference in found}.values())
    if not found:
        raise NotFoundError(
            f"no active alarm has {what}; it may have cleared, `mxgw-py alarms --once` shows "
            "those that are active. Nothing was acknowledged",
            processed="no",
        )
    if len(found) > 1:
        raise ConfigurationError(
            f"{what} stands for {' and '.join(found)}; give the reference of the one you mean. "
            "Nothing was acknowledged"
        )
    return found[0]
