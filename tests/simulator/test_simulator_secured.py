"""Signing in, secured and verified writes (MXAccess reference, sections 1.2, 1.3 and 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    ArchestrAUserToIdCommand,
    AuthenticateUserCommand,
    MxCommandKind,
    MxEvent,
    MxStatusCategory,
    MxStatusProxy,
    MxValue,
    ProtocolStatusCode,
    WriteBulkCommand,
    WriteBulkEntry,
    WriteSecured2BulkCommand,
    WriteSecured2BulkEntry,
    WriteSecured2Command,
    WriteSecuredBulkCommand,
    WriteSecuredBulkEntry,
    WriteSecuredCommand,
)
from mxgateway.simulator import GalaxyUser, Settings, Simulator, parse_model

KIND = MxCommandKind
E_INVALIDARG = -2147024809
NOT_SUPPORTED = -2147467231  # 0x80004021
PLAIN, SECURED, VERIFIED = (f"SimProbe_001.{name}" for name in ("TestInt", "Secured", "Verified"))
GUID = "{6f5a1c7e-0d5b-4c55-9a51-0f6f1b1f0003}"


async def sign_in(user: Any, name: str, password: str | None = None) -> int:
    reply = await user.invoke(
        KIND.AUTHENTICATE_USER,
        AuthenticateUserCommand(user.server, name, name if password is None else password),
    )
    assert reply.protocol_status.code is ProtocolStatusCode.OK, reply
    user_id: int = reply.authenticate_user.user_id
    return user_id


async def secured(user: Any, item: int, current: int, verifier: int = 0, value: int = 7) -> Any:
    command = WriteSecuredCommand(user.server, item, current, verifier, MxValue(int32_value=value))
    return await user.invoke(KIND.WRITE_SECURED, command)


async def completion(sim: Simulator, tag: str, count: int = 1) -> tuple[bool, int]:
    await sim.wait_for(lambda s: len(s.audit.writes(tag)) == count)
    record = sim.audit.writes(tag)[-1]
    return record.succeeded, record.detail


PLANT = """
[templates."$Vat".attributes]
Valve = { type = "Boolean", class = "SecuredWrite" }
Batch = { type = "Boolean", class = "VerifiedWrite" }

[objects.Vat_001]
template = "$Vat"

[objects.Vat_002]
template = "$Vat"
security_group = "Vats"
"""


@pytest.mark.rule("mx.security-group")
async def test_permissions_are_for_the_objects_of_their_groups(connect: Any) -> None:
    users = (GalaxyUser("ann", "ann", groups=frozenset({"vats"})), GalaxyUser("bob", "bob", "{1}"))
    settings = Settings(users=users)
    async with Simulator(interval=None, model=parse_model(PLANT), settings=settings) as sim:
        user = await connect(sim)
        ann, bob = await sign_in(user, "ann"), await sign_in(user, "bob")
        found = {}
        for tag, current, verifier in (
            ("Vat_001.Valve", ann, 0),
            ("Vat_001.Batch", bob, ann),
            ("Vat_002.Valve", ann, 0),
            ("Vat_002.Batch", bob, ann),
        ):
            item = await user.advised(tag)
            await secured(user, item, current, verifier)
            found[tag] = await completion(sim, tag)
        assert found == {
            "Vat_001.Valve": (False, 321),
            "Vat_001.Batch": (False, 321),
            "Vat_002.Valve": (True, 0),
            "Vat_002.Batch": (True, 0),
        }
        groups = [sim.plant[f"{name}.SecurityGroup"].value for name in ("Vat_001", "Vat_002")]
        assert groups == ["Default", "Vats"]
        user.channel.close()


# -- signing in --------------------------------------------------------------------------


@pytest.mark.rule("mx.login")
async def test_a_good_login_gives_an_id_of_this_session(
    sim: Simulator, user: Any, connect: Any
) -> None:
    assert await sign_in(user, "operator") == 1
    assert await sign_in(user, "engineer") == 2
    assert await sign_in(user, "OPERATOR", "operator") == 1
    assert await sign_in(user, r"PLANT\engineer", "engineer") == 2
    other = await connect(sim)
    item = await other.advised(SECURED)
    await secured(other, item, 1)
    assert await completion(sim, SECURED) == (False, 1012)


@pytest.mark.rule("mx.login", "mx.login-windows")
async def test_a_bad_login_gives_zero_or_e_invalidarg_by_the_kind_of_security(
    connect: Any,
) -> None:
    cases: list[tuple[Any, int]] = [("galaxy", 0), ("windows", E_INVALIDARG)]
    for security, expected in cases:
        async with Simulator(interval=None, settings=Settings(security=security)) as sim:
            user = await connect(sim)
            for name, password in (("operator", "wrong"), ("nobody", ""), ("", "")):
                reply = await user.invoke(
                    KIND.AUTHENTICATE_USER, AuthenticateUserCommand(user.server, name, password)
                )
                if expected:
                    assert reply.protocol_status.code is ProtocolStatusCode.MXACCESS_FAILURE
                    assert reply.hresult == expected
                else:
                    assert reply.authenticate_user.user_id == 0
                assert "wrong" not in repr(reply)
            assert await sign_in(user, "operator") == 1
            user.channel.close()


@pytest.mark.rule("mx.login-open", "mx.open-galaxy")
async def test_an_open_galaxy_knows_everybody_as_one_and_asks_for_no_sign_in(
    connect: Any,
) -> None:
    async with Simulator(interval=None, settings=Settings(security="none")) as sim:
        user = await connect(sim)
        assert await sign_in(user, "anybody", "wrong") == 1
        for tag in (SECURED, VERIFIED):
            await user.write(await user.advised(tag), MxValue(int32_value=3))
            assert await completion(sim, tag) == (True, 0)
        await user.write(await user.advised("SimProbe_001.ReadOnly"), MxValue(int32_value=3))
        assert await completion(sim, "SimProbe_001.ReadOnly") == (False, 902)
        user.channel.close()


@pytest.mark.rule("mx.user-guid")
async def test_a_guid_gives_the_same_id_as_the_login(sim: Simulator, user: Any) -> None:
    for guid in (GUID, GUID.strip("{}").upper()):
        reply = await user.invoke(
            KIND.ARCHESTRA_USER_TO_ID, ArchestrAUserToIdCommand(user.server, guid)
        )
        assert reply.archestra_user_to_id.user_id == 1
    assert await sign_in(user, "engineer") == 1
    for server, guid in ((user.server, "{no-such-user}"), (user.server, ""), (99, GUID)):
        reply = await user.invoke(KIND.ARCHESTRA_USER_TO_ID, ArchestrAUserToIdCommand(server, guid))
        assert reply.hresult == E_INVALIDARG


@pytest.mark.parametrize(
    "users",
    [
        lambda: (GalaxyUser("a", "x"), GalaxyUser("A", "y")),
        lambda: (GalaxyUser("a", "x", "{1}"), GalaxyUser("b", "y", "1")),
        lambda: (GalaxyUser("", "x"),),
        lambda: (GalaxyUser("a", "x", permissions=frozenset({"fly"})),),
    ],
)
def test_users_that_cannot_be_told_apart_are_refused(users: Any) -> None:
    with pytest.raises(ConfigurationError):
        Settings(users=users())


# -- writing -----------------------------------------------------------------------------


@pytest.mark.rule("mx.secured-write", "mx.permission")
async def test_a_secured_write_needs_somebody_who_signed_in_and_may_operate(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(SECURED)
    operator, viewer = await sign_in(user, "operator"), await sign_in(user, "viewer")
    cases = [
        (0, 0, (False, 1012)),
        (9, 0, (False, 1012)),
        (operator, 9, (False, 1012)),
        (viewer, 0, (False, 321)),
        (operator, 0, (True, 0)),
        (operator, operator, (True, 0)),
    ]
    for number, (current, verifier, expected) in enumerate(cases, 1):
        reply = await secured(user, item, current, verifier, value=number)
        assert reply.protocol_status.code is ProtocolStatusCode.OK
        assert await completion(sim, SECURED, number) == expected
    assert sim.audit.values_written(SECURED) == [5, 6]
    assert [record.user_id for record in sim.audit.writes(SECURED)][-1] == operator


@pytest.mark.rule("mx.verified-write")
async def test_a_verified_write_needs_two_different_users(sim: Simulator, user: Any) -> None:
    item = await user.advised(VERIFIED)
    operator, engineer, viewer = [
        await sign_in(user, name) for name in ("operator", "engineer", "viewer")
    ]
    cases = [
        (operator, 0, (False, 1013)),
        (operator, operator, (False, 1013)),
        (operator, viewer, (False, 321)),
        (operator, engineer, (True, 0)),
    ]
    for number, (current, verifier, expected) in enumerate(cases, 1):
        await secured(user, item, current, verifier)
        assert await completion(sim, VERIFIED, number) == expected
    record = sim.audit.writes(VERIFIED)[-1]
    assert (record.user_id, record.verifier_id) == (operator, engineer)


async def test_the_refusal_stands_in_the_completion_event(sim: Simulator, user: Any) -> None:
    item = await user.advised(SECURED)
    await secured(user, item, 0)
    async with user.events() as stream:
        _, complete = await stream.take(2)
    assert isinstance(complete, MxEvent)
    status: MxStatusProxy = complete.statuses[0]
    assert status.category is MxStatusCategory.SECURITY_ERROR
    assert status.detail == 1012


@pytest.mark.rule("mx.supervisory-bypass")
async def test_a_supervisory_advise_makes_a_secured_write_need_nobody(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(VERIFIED, supervisory=True)
    await secured(user, item, 0)
    assert await completion(sim, VERIFIED) == (True, 0)


@pytest.mark.rule("mx.secured-on-plain")
async def test_a_secured_write_to_a_plain_attribute_is_not_supported_unless_set_so(
    sim: Simulator, user: Any, connect: Any
) -> None:
    operator = await sign_in(user, "operator")
    reply = await secured(user, await user.advised(PLAIN), operator)
    assert reply.protocol_status.code is ProtocolStatusCode.MXACCESS_FAILURE
    assert reply.hresult == NOT_SUPPORTED
    async with Simulator(interval=None, settings=Settings(secured_on_plain=True)) as lenient:
        other = await connect(lenient)
        await secured(other, await other.advised(PLAIN), 0)
        assert await completion(lenient, PLAIN) == (True, 0)
        other.channel.close()


@pytest.mark.rule("mx.write-time")
async def test_write_secured2_carries_the_callers_time(sim: Simulator, user: Any) -> None:
    item = await user.advised(SECURED)
    operator = await sign_in(user, "operator")
    time = datetime(2020, 2, 29, tzinfo=UTC)
    value, when = MxValue(int32_value=4), MxValue(timestamp_value=time)
    await user.invoke(
        KIND.WRITE_SECURED2, WriteSecured2Command(user.server, item, operator, 0, value, when)
    )
    assert await completion(sim, SECURED) == (True, 0)
    assert sim.plant[SECURED].timestamp == time


@pytest.mark.rule("bulk.secured-users")
async def test_secured_bulk_writes_name_their_users_per_entry(sim: Simulator, user: Any) -> None:
    first, second = await user.advised(SECURED), await user.advised(VERIFIED)
    one, two = await sign_in(user, "operator"), await sign_in(user, "engineer")
    when = MxValue(timestamp_value=datetime(2020, 1, 1, tzinfo=UTC))
    value = MxValue(int32_value=8)
    reply = await user.invoke(
        KIND.WRITE_SECURED_BULK,
        WriteSecuredBulkCommand(
            user.server,
            [
                WriteSecuredBulkEntry(first, one, 0, value),
                WriteSecuredBulkEntry(99, one, 0, value),
                WriteSecuredBulkEntry(second, one, two, value),
            ],
        ),
    )
    results = reply.write_secured_bulk.results
    assert [result.was_successful for result in results] == [True, False, True]
    reply = await user.invoke(
        KIND.WRITE_SECURED2_BULK,
        WriteSecured2BulkCommand(
            user.server, [WriteSecured2BulkEntry(second, two, one, value, when)]
        ),
    )
    assert reply.write_secured2_bulk.results[0].was_successful
    assert await completion(sim, VERIFIED, 2) == (True, 0)
    assert await completion(sim, SECURED) == (True, 0)


@pytest.mark.rule("value.secret")
async def test_secured_values_and_passwords_stand_in_no_text_of_the_audit(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(SECURED)
    operator = await sign_in(user, "operator")
    await secured(user, item, operator, value=815_4711)
    await completion(sim, SECURED)
    assert "8154711" not in repr(sim.audit.writes(SECURED))
    assert sim.audit.values_written(SECURED) == [815_4711]
    assert [r.arguments for r in sim.audit.executed("AUTHENTICATE_USER")] == [None]
    assert [r.arguments for r in sim.audit.executed("WRITE_SECURED")] == [None]
    assert "operator" not in repr(sim.audit.executed("AUTHENTICATE_USER"))
    assert "secret" not in repr(GalaxyUser("a", "secret"))
    plain = await user.advised(PLAIN)
    entry = WriteBulkEntry(plain, MxValue(int32_value=31_337))
    await user.invoke(KIND.WRITE_BULK, WriteBulkCommand(user.server, [entry]))
    await completion(sim, PLAIN)
    assert "31337" in repr(sim.audit.writes(PLAIN))
