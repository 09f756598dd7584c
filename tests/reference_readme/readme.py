"""The snippets and command lines of the reference Python client's README, as they stand there.

Each is named after its section. Nothing in them is changed here; what running them changes
says `moved_over`.
"""

from __future__ import annotations

__all__ = [
    "BROWSING_LAZILY",
    "CLI",
    "CLI_TLS",
    "DEPLOY_EVENTS",
    "GALAXY_BROWSE",
    "INTEGRATION_CHECKS",
    "LIBRARY_USAGE",
    "WALKER",
    "moved_over",
]

# Section "Library Usage"
LIBRARY_USAGE = """\
from zb_mom_ww_mxgateway import GatewayClient

async with await GatewayClient.connect(
    endpoint="localhost:5000",
    api_key="<gateway-api-key>",
    plaintext=True,
) as client:
    session = await client.open_session(client_session_name="python-client")
    try:
        server_handle = await session.register("python-client")
        item_handle = await session.add_item(server_handle, "Object.Attribute")
        await session.advise(server_handle, item_handle)
    finally:
        await session.close()
"""

# Section "Galaxy Repository Browse"
GALAXY_BROWSE = """\
from zb_mom_ww_mxgateway import GalaxyRepositoryClient

async with await GalaxyRepositoryClient.connect(
    endpoint="localhost:5000",
    api_key="<gateway-api-key>",
    plaintext=True,
) as galaxy:
    if not await galaxy.test_connection():
        raise RuntimeError("gateway cannot reach the Galaxy Repository DB")

    last_deploy = await galaxy.get_last_deploy_time()
    print(f"last deploy: {last_deploy}")

    for obj in await galaxy.discover_hierarchy():
        print(obj.tag_name, obj.contained_name)
        for attr in obj.attributes:
            print("  ", attr.attribute_name, "->", attr.full_tag_reference)
"""

# Section "Browsing lazily"; `galaxy` is the client of the snippet before
BROWSING_LAZILY = """\
from zb_mom_ww_mxgateway.generated import galaxy_repository_pb2 as galaxy_pb2

reply = await galaxy.browse_children(galaxy_pb2.BrowseChildrenRequest())
for child, has_children in zip(reply.children, reply.child_has_children):
    print(child.tag_name, "expand=" + str(has_children))
"""

# Section "High-level walker"
WALKER = """\
async with await GalaxyRepositoryClient.connect(
    endpoint="localhost:5000",
    api_key="<gateway-api-key>",
    plaintext=True,
) as galaxy:
    roots = await galaxy.browse()
    for root in roots:
        if root.has_children_hint:
            await root.expand()
        for child in root.children:
            kind = "has children" if child.has_children_hint else "leaf"
            print(f"{child.object.tag_name} ({kind})")
"""

# Section "Watching deploy events"
DEPLOY_EVENTS = """\
from datetime import datetime, timezone
from zb_mom_ww_mxgateway import DeployEvent, GalaxyRepositoryClient

async with await GalaxyRepositoryClient.connect(
    endpoint="localhost:5000",
    api_key="<gateway-api-key>",
    plaintext=True,
) as galaxy:
    last_seen: datetime | None = None
    async for event in galaxy.watch_deploy_events(last_seen_deploy_time=last_seen):
        assert isinstance(event, DeployEvent)
        print(
            f"#{event.sequence} deploy={event.time_of_last_deploy.ToDatetime(tzinfo=timezone.utc)} "
            f"objects={event.object_count} attributes={event.attribute_count}"
        )
        if event.time_of_last_deploy_present:
            last_seen = event.time_of_last_deploy.ToDatetime(tzinfo=timezone.utc)
"""

# Section "CLI"
CLI = r"""
mxgw-py version --json
mxgw-py open-session --endpoint localhost:5000 --plaintext --json
mxgw-py register --session-id <id> --client-name python-client --json
mxgw-py add-item --session-id <id> --server-handle 1 --item Object.Attribute --json
mxgw-py advise --session-id <id> --server-handle 1 --item-handle 2 --json
mxgw-py stream-events --session-id <id> --max-events 1 --json
mxgw-py stream-alarms --max-messages 1 --json
mxgw-py acknowledge-alarm --reference "\\Galaxy\Area001.Pump001.PumpFault" --json
mxgw-py write --session-id <id> --server-handle 1 --item-handle 2 --type int32 --value 123 --json
""".strip().splitlines()

# Section "CLI", the line with TLS
CLI_TLS = (
    r"mxgw-py smoke --endpoint mxgateway.example.local:5001 --tls --ca-file "
    r"C:\certs\mxgateway-ca.pem --server-name-override mxgateway.example.local "
    r"--api-key-env MXGATEWAY_API_KEY --item Object.Attribute --json"
)

# Section "Integration Checks", lines of PowerShell
INTEGRATION_CHECKS = """\
$env:MXGATEWAY_INTEGRATION = '1'
$env:MXGATEWAY_ENDPOINT = 'localhost:5000'
$env:MXGATEWAY_API_KEY = '<gateway-api-key>'
$env:MXGATEWAY_TEST_ITEM = 'Object.Attribute'
mxgw-py smoke --endpoint $env:MXGATEWAY_ENDPOINT --plaintext --api-key-env MXGATEWAY_API_KEY \
--item $env:MXGATEWAY_TEST_ITEM --json
"""


def moved_over(snippet: str) -> str:
    """Return a snippet with the two changes that moving to this client takes.

    The package has another name, and the message classes are imported from the module that
    holds them here.
    """
    changed = snippet.replace(
        "from zb_mom_ww_mxgateway.generated import galaxy_repository_pb2 as galaxy_pb2",
        "import mxgateway.generated.galaxy_repository.v1 as galaxy_pb2",
    )
    return changed.replace("zb_mom_ww_mxgateway", "mxgateway")
