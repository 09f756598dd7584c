"""`doctor`: what works on the way to a gateway, what does not, and what to do."""

from __future__ import annotations

from dataclasses import replace

import rich_click as click

from ..connection import DEFAULT_TIMEOUT
from ..options import Invocation, OutputFormat, complete_tag, examples, gateway_command
from ..output.rows import write_rows
from ..output.tables import write_table

__all__ = ["doctor"]


@click.command(
    "doctor",
    epilog=examples(
        "mxgw-py doctor --profile plant-a",
        "mxgw-py doctor --tls --endpoint plant:5001 --item TestChildObject.TestInt",
        "mxgw-py doctor --plaintext --json",
    ),
)
@gateway_command
@click.option(
    "--item",
    envvar="MXGATEWAY_TEST_ITEM",
    show_envvar=True,
    metavar="TAG",
    shell_complete=complete_tag,
    help="Reference whose first event is waited for; without it no event is.",
)
def doctor(invocation: Invocation, item: str | None) -> int:
    """Examine the way to a gateway, from name lookup to events; nothing is written.

    Each finding says what to do. The exit code is that of the first failure, 0 where
    there is none; warnings are no failures.
    """
    options = invocation.connection.options()
    from ..doctor.examination import examine
    from ..doctor.findings import FINDINGS, Outcome, rows_for_people
    from ..failures import tell_in_json
    from ..logs import shown_log
    from ..run import run_async

    seconds = invocation.connection.timeout or DEFAULT_TIMEOUT
    with shown_log(invocation.environment):
        report = run_async(lambda: examine(options, item, seconds))
    extra = {"exitCode": int(report.code), "outcome": report.outcome.value}
    redact = invocation.environment.redact_all
    # A gateway may repeat the key in what it answers.
    report.findings = [
        replace(f, text=redact(f.text), advice=redact(f.advice), details=redact(f.details))
        for f in report.findings
    ]
    if invocation.format is OutputFormat.TABLE and not invocation.fields:
        rows = rows_for_people(report)
        write_table(invocation.environment, FINDINGS.columns, rows, lambda row: row)
    else:
        write_rows(invocation, FINDINGS, report.findings, extra=extra)
    failed = [f for f in report.findings if f.outcome is Outcome.FAILED]
    if not failed:
        return report.code
    facts = {
        "type": "FailedChecks",
        "message": f"{failed[0].check}: {failed[0].text}",
        "failed": len(failed),
        "total": len(report.findings),
    }
    return tell_in_json(invocation, report.code, facts)
