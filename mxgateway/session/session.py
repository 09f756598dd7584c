"""Session: one method for each MXAccess method, on the handles of one gateway session."""

from __future__ import annotations

from mxgateway.session.bulk import BulkMethods
from mxgateway.session.confirm import ConfirmMethods
from mxgateway.session.control import ControlMethods
from mxgateway.session.users import UserMethods

__all__ = ["Session"]


class Session(ConfirmMethods, UserMethods, BulkMethods, ControlMethods):
    """A session of the gateway: one worker process, with its handles and one event stream.

    Made by `GatewayClient.open_session`, or by `GatewayClient.session` for one
    that is open already. Close it with `close`, or use it with `async with`.

    Every method takes `timeout` in seconds (default: the options' `call_timeout`)
    and `correlation_id` (empty for a new one), and besides the errors of the
    connection and of gRPC raises MxGatewayCommandError (the gateway or worker
    could not run the command), MxAccessError (MXAccess refused it; the whole
    reply is on the error), MalformedReplyError (an OK without its payload),
    ClientClosedError (the client or this session is closed) and, before anything is
    sent, ConfigurationError (an argument is wrong, such as a handle that is no int
    of 32 bits). `error.processed` says whether the command may have been executed;
    one that may have been is never sent again.

    The reply to a write says that MXAccess accepted it. How it ended comes later, as a
    write-complete event; `write_and_wait` waits for that.

    Methods with `bulk` in their name return one result per entry, in the order of the
    entries. An entry that fails is a result with `was_successful` False; it raises
    nothing. Long lists are sent as several commands, one after another. Where one of
    these fails, the rest is not sent, and the error has the results so far in
    `partial_results`. All arguments are checked before the first goes out.
    """
