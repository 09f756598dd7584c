"""Settings: the limits, times and choices of a simulated gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.users import DEMO_USERS, PERMISSIONS, GalaxyUser, Security, Users

__all__ = ["Overflow", "Settings", "ShutdownState"]

Overflow = Literal["fail-fast", "disconnect"]
ShutdownState = Literal["closed", "faulted"]

_MAX_SUBSCRIBERS = 8
_PROVIDER = re.compile(r"Galaxy(_\w+)?")
_ABOVE_ZERO = (
    "lease",
    "sweep_interval",
    "worker_start_timeout",
    "heartbeat_grace",
    "command_timeout",
    "read_timeout",
    "preface_timeout",
)
_ZERO_OR_MORE = (
    "detach_grace",
    "worker_start_delay",
    "ring_seconds",
    "command_delay",
    "first_value_delay",
    "write_delay",
)
_ONE_OR_MORE = (
    "session_limit",
    "queue_limit",
    "ring_size",
    "pending_limit",
    "alarm_buffer",
    "deploy_buffer",
    "max_message_bytes",
    "connection_limit",
)
_LONGEST = 1e9  # seconds, 31 years: what every clock and timer can still add


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The limits and choices of a gateway; defaults are those of the gateway semantics.

    All times but `preface_timeout` go by the simulator's clock: with a ManualClock they pass when
    it is advanced.

    Attributes:
        session_limit: Sessions that may be open at a time.
        lease: Seconds that a session lives without a call or an event stream.
        sweep_interval: Seconds between two looks for leases that have run out.
        detach_grace: Seconds that a session lives on after its last event stream has
            dropped; 0 leaves only the lease.
        worker_start_delay: Seconds from OpenSession until the session is Ready.
        worker_start_timeout: Seconds after which a worker that starts counts as failed.
        heartbeat_grace: Seconds without a heartbeat after which a worker counts as dead.
        command_timeout: Seconds after which a command is answered with DEADLINE_EXCEEDED,
            though it runs on; a client may ask for others in OpenSession.
        command_delay: Seconds that every command takes before it has an effect.
        pending_limit: Commands of one session that may be pending, the running one included.
        queue_limit: Events that may wait for one subscriber of a session.
        keep_unsent: Whether events that come while no stream is open wait for the next fresh one,
            as many as the queue holds (then it overflows); else a fresh stream begins with what
            comes from then on, and only DrainEvents has the others, the oldest dropped first.
        max_subscribers: Event streams that a session allows at a time, 1 to 8.
        overflow: What a full queue leads to. "fail-fast" faults a session that allows one
            stream; "disconnect" ends only the slow stream.
        ring_size: Events kept for resuming a stream.
        ring_seconds: Seconds they are kept; 0 for no limit in time.
        max_message_bytes: Largest message, either way; above it calls end with RESOURCE_EXHAUSTED.
        connection_limit: Connections that may be open at a time; one more is closed at once.
        preface_timeout: Seconds in which a new connection has to begin HTTP/2, and before that
            to end its TLS handshake; else it is closed.
        first_value_delay: Seconds from an advise to the first data change.
        write_delay: Seconds from an accepted write to its completion.
        read_timeout: Seconds that ReadBulk waits for each tag where the command gives none.
        pending_first: Whether a write completion with category Pending comes before the real one.
        operation_complete: Whether Suspend and Activate answer Pending and end in an
            OperationComplete event; else they answer OK and send none.
        security: How logins are checked. "galaxy": name and password, 0 for a bad login;
            "windows": the same, E_INVALIDARG for a bad login; "none": every login gives the
            id 1, and secured and verified attributes are written like any other.
        users: Who may sign in.
        worker_permissions: What plain writes on a user advise may do, by the user that the
            worker runs as: "operate", "tune", "configure". It counts unless security is "none".
        drain_takes: Whether DrainEvents takes the events that it returns; else it is a look
            at what waits, and the next stream brings them too.
        secured_on_plain: Whether WriteSecured works on attributes that ask for no sign-in;
            else MXAccess refuses it with 0x80004021.
        shutdown_state: What ShutdownWorker leaves behind: "closed" or "faulted".
        galaxy_builtins: Whether the galaxy lists the built-in attributes of its objects too.
        deploy_buffer: Deploy events that wait for a subscriber; older ones are dropped.
        normalise_arrays: Whether `[]` is appended to the bare name of an array on AddItem,
            AddItem2, AddItemBulk and AddBufferedItem; SubscribeBulk and ReadBulk never do.
        alarms_enabled: Whether the alarm monitor runs; else alarm calls end with
            FAILED_PRECONDITION.
        alarm_buffer: Messages that may wait for an alarm stream besides its snapshot.
        provider_status_message: Whether alarm streams tell the provider, as newer gateways do.
        alarm_provider: What alarm references begin with: "Galaxy", or "Galaxy_<name>" where
            the platform was set so.
        forced_subtag: Whether alarms are made up from tags for good.

    Raises:
        ConfigurationError: A limit or a time makes no sense.
    """

    session_limit: int = 64
    lease: float = 1800.0
    sweep_interval: float = 30.0
    detach_grace: float = 30.0
    worker_start_delay: float = 0.0
    worker_start_timeout: float = 30.0
    heartbeat_grace: float = 15.0
    command_timeout: float = 30.0
    command_delay: float = 0.0
    pending_limit: int = 128
    queue_limit: int = 10_000
    keep_unsent: bool = True
    max_subscribers: int = 1
    overflow: Overflow = "fail-fast"
    ring_size: int = 1024
    ring_seconds: float = 300.0
    max_message_bytes: int = 16 << 20
    connection_limit: int = 1000
    preface_timeout: float = 30.0
    first_value_delay: float = 0.0
    write_delay: float = 0.0
    read_timeout: float = 5.0
    pending_first: bool = False
    operation_complete: bool = False
    security: Security = "galaxy"
    users: tuple[GalaxyUser, ...] = DEMO_USERS
    worker_permissions: frozenset[str] = PERMISSIONS
    drain_takes: bool = True
    secured_on_plain: bool = False
    shutdown_state: ShutdownState = "closed"
    galaxy_builtins: bool = False
    deploy_buffer: int = 16
    normalise_arrays: bool = True
    alarms_enabled: bool = True
    alarm_buffer: int = 10_000
    provider_status_message: bool = True
    alarm_provider: str = "Galaxy"
    forced_subtag: bool = False

    def __post_init__(self) -> None:
        for name in _ABOVE_ZERO:
            if not 0 < getattr(self, name) <= _LONGEST:
                raise ConfigurationError(f"{name}: give seconds above 0, up to {_LONGEST:g}")
        for name in _ZERO_OR_MORE:
            if not 0 <= getattr(self, name) <= _LONGEST:
                raise ConfigurationError(f"{name}: give 0 or more seconds, up to {_LONGEST:g}")
        for name in _ONE_OR_MORE:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}: give 1 or more")
        if not 1 <= self.max_subscribers <= _MAX_SUBSCRIBERS:
            raise ConfigurationError(
                f"max_subscribers: give 1 to {_MAX_SUBSCRIBERS}, not {self.max_subscribers}"
            )
        if self.overflow not in ("fail-fast", "disconnect"):
            raise ConfigurationError(
                f'overflow: give "fail-fast" or "disconnect", not {self.overflow!r}'
            )
        for name, allowed in (
            ("security", ("none", "galaxy", "windows")),
            ("shutdown_state", ("closed", "faulted")),
        ):
            if getattr(self, name) not in allowed:
                raise ConfigurationError(
                    f"{name}: give {', '.join(allowed)}, not {getattr(self, name)!r}"
                )
        if not _PROVIDER.fullmatch(self.alarm_provider):
            raise ConfigurationError(
                f"alarm_provider: give Galaxy or Galaxy_<name>, not {self.alarm_provider!r}"
            )
        unknown = sorted({*self.worker_permissions} - PERMISSIONS)
        if unknown:
            raise ConfigurationError(
                f"worker_permissions: there is no {unknown[0]!r}; give some of "
                f"{', '.join(sorted(PERMISSIONS))}"
            )
        Users(self.users)
