"""A key of any form that a gateway repeats is in no part of a command error."""

from __future__ import annotations

import json

import pytest

from mxgateway.commands import check_reply
from mxgateway.errors import MxAccessError, MxGatewayCommandError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommandKind,
    MxCommandReply,
    MxStatusCategory,
    MxStatusProxy,
    ProtocolStatus,
    ProtocolStatusCode,
)

SECRET = "hunter2-of-no-known-form"


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ProtocolStatusCode.TIMEOUT, MxGatewayCommandError),
        (ProtocolStatusCode.MXACCESS_FAILURE, MxAccessError),
    ],
)
def test_a_repeated_key_is_taken_out_of_every_text(
    code: ProtocolStatusCode, expected: type[MxGatewayCommandError]
) -> None:
    reply = MxCommandReply(
        kind=MxCommandKind.WRITE,
        protocol_status=ProtocolStatus(code=code, message=f"no: {SECRET}"),
        diagnostic_message=f"saw {SECRET}",
        statuses=[
            MxStatusProxy(
                category=MxStatusCategory.SECURITY_ERROR, diagnostic_text=f"bearer {SECRET}"
            )
        ],
    )
    with pytest.raises(expected) as caught:
        check_reply(reply, MxCommandKind.WRITE, secret=SECRET)
    error = caught.value
    shown = [str(error), repr(error), error.diagnostics(), json.dumps(error.to_dict())]
    assert [text for text in shown if SECRET in text] == []
    assert "no: ***" in json.dumps(error.to_dict())
