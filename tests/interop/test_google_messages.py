"""The independent messages themselves."""

from __future__ import annotations

from google_messages import GoogleModules, load_google_modules


def test_google_modules_cover_the_whole_contract(google: GoogleModules) -> None:
    services = {
        service.full_name: sorted(service.methods_by_name)
        for module in (google.gateway_pb2, google.galaxy_pb2, google.worker_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
    }

    assert services == {
        "mxaccess_gateway.v1.MxAccessGateway": [
            "AcknowledgeAlarm",
            "CloseSession",
            "Invoke",
            "OpenSession",
            "QueryActiveAlarms",
            "StreamAlarms",
            "StreamEvents",
        ],
        "galaxy_repository.v1.GalaxyRepository": [
            "BrowseChildren",
            "DiscoverHierarchy",
            "GetLastDeployTime",
            "TestConnection",
            "WatchDeployEvents",
        ],
    }
    assert "WorkerEnvelope" in google.worker_pb2.DESCRIPTOR.message_types_by_name
    assert google.status_pb2.Status(code=5).SerializeToString() == b"\x08\x05"


def test_google_modules_are_loaded_once_per_process(google: GoogleModules) -> None:
    assert load_google_modules() is google
