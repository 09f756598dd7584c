"""The simulator that the options of `simulate` describe, and what is told about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

if TYPE_CHECKING:
    from mxgateway.simulator import PlantModel, Settings, Simulator
    from mxgateway.simulator.certificates import SimulatorCertificate

__all__ = [
    "Wish",
    "facts_of",
    "featured_tags",
    "item_to_try",
    "model_of",
    "settings_of",
    "simulator_for",
]

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - the user chose # nosec B104
_FEATURED: Final = 8
# Of the built-in plant, where what is shown first should be worth looking at.
_OF_DEMO: Final = (
    "Pump_001.Running",
    "Pump_001.Speed",
    "Tank_001.Level",
    "Tank_001.Temp",
    "Reactor_001.State",
    "Reactor_001.Pressure",
    "Line_001.Produced",
    "TestChildObject.TestInt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the options of `simulate` say; the names are those of the options."""

    host: str = "127.0.0.1"
    port: int = 5000
    plant: str | None = None
    scale: int | None = None
    seed: int | None = None
    interval: float = 1.0
    redeploy_every: float | None = None
    tls: bool = False
    tls_folder: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    settings: Sequence[str] = ()
    control: str | None = None
    control_token: str | None = None

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: Two options do not go together.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise click.UsageError("--tls-cert and --tls-key belong together; give both or none")
        if self.tls_cert is not None and self.tls_folder is not None:
            raise click.UsageError(
                "--tls-folder is for a certificate made here; give no --tls-cert"
            )
        if self.plant is not None and self.scale is not None:
            raise click.UsageError("--plant and --scale are two plants; give one of them")
        if self.control_token is not None and self.control is None:
            raise click.UsageError("--control-token has no meaning without --control")


def model_of(wish: Wish) -> PlantModel | None:
    """Return the plant that is asked for; None for the DemoPlant.

    Raises:
        ConfigurationError: The plant file is wrong.
    """
    from mxgateway.simulator import load_model, scale_model

    if wish.plant is not None:
        return load_model(wish.plant)
    return None if wish.scale is None else scale_model(wish.scale)


@contextmanager
def simulator_for(
    wish: Wish, model: PlantModel | None
) -> Iterator[tuple[Simulator, SimulatorCertificate | None]]:
    """Make the simulator; files made for it alone are gone afterwards.

    Args:
        wish: What is asked for.
        model: Its plant, from `model_of`.

    Raises:
        ConfigurationError: A setting or a certificate is wrong.
    """
    import tempfile

    from mxgateway.simulator import Simulator, TlsFiles
    from mxgateway.simulator.certificates import SimulatorCertificate, certificate_in

    settings = settings_of(wish.settings)
    with tempfile.TemporaryDirectory(prefix="mxgw-simulate-") as passing:
        certificate = None
        if wish.tls_cert is not None and wish.tls_key is not None:
            files = TlsFiles(wish.tls_cert, wish.tls_key)
            certificate = SimulatorCertificate(files, wish.tls_cert, _fingerprint(wish.tls_cert))
        elif wish.tls or wish.tls_folder is not None:
            certificate = certificate_in(wish.tls_folder or passing, _names(wish.host))
        yield (
            Simulator(
                host=wish.host,
                port=wish.port,
                tls=None if certificate is None else certificate.files,
                ca_file=None if certificate is None else certificate.ca_file,
                model=model,
                interval=wish.interval or None,
                redeploy_every=wish.redeploy_every,
                seed=wish.seed,
                settings=settings,
                control=wish.control,
                control_token=wish.control_token,
            ),
            certificate,
        )


def _names(host: str) -> list[str]:
    import socket

    # As the gateway's own, the certificate has the name of this computer; one that no
    # certificate can have is left out.
    name = socket.gethostname()
    named = [name] if re.fullmatch(r"[A-Za-z0-9.-]+", name) else []
    return named if host in _ANY_ADDRESS else [host, *named]


# -- settings --------------------------------------------------------------------------


def settings_of(given: Sequence[str]) -> Settings:
    """Return the settings that `NAME=VALUE` texts make; every field of Settings has its name.

    Raises:
        UsageError: A text is no NAME=VALUE, there is no such setting, or the value is not
            of its kind.
        ConfigurationError: The value makes no sense.
    """
    from mxgateway.simulator import Settings

    kinds = {field.name: str(field.type) for field in fields(Settings)}
    chosen: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise click.UsageError(f"--settings {text!r}: give NAME=VALUE, such as lease=60")
        if name not in kinds:
            raise click.UsageError(
                f"--settings {text!r}: there is no setting {name!r}; "
                f"known are {', '.join(sorted(kinds))}"
            )
        chosen[name] = _value(name, kinds[name], value.strip())
    return Settings(**chosen)


def _value(name: str, kind: str, text: str) -> Any:
    try:
        match kind:
            case "bool":
                return _flag(text)
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "frozenset[str]":
                return frozenset(filter(None, text.split("+")))
            case _:
                return _users(text) if name == "users" else text
    except ValueError as error:
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}
        raise click.UsageError(
            f"--settings {name}: give {wanted.get(kind) or error}, not {text!r}"
        ) from None


def _flag(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _users(text: str) -> Any:
    """Return the users of `NAME:PASSWORD[:PERMISSION+...[:GROUP+...]]`, between commas."""
    from mxgateway.simulator import GalaxyUser

    users = []
    for one in filter(None, text.split(",")):
        name, found, rest = one.partition(":")
        password, limited, rest = rest.partition(":")
        permissions, grouped, groups = rest.partition(":")
        if not found:
            raise ValueError("NAME:PASSWORD or NAME:PASSWORD:PERMISSION+PERMISSION")
        if limited:
            granted = frozenset(filter(None, permissions.split("+")))
            within = frozenset(filter(None, groups.split("+"))) if grouped else None
            users.append(GalaxyUser(name, password, permissions=granted, groups=within))
        else:
            users.append(GalaxyUser(name, password))
    return tuple(users)


# -- what is told ----------------------------------------------------------------------


def facts_of(simulator: Simulator, certificate: SimulatorCertificate | None) -> dict[str, Any]:
    """Return what a running simulator serves, in plain JSON types."""
    control = simulator.control
    model = simulator.model
    return {
        "endpoint": connectable(simulator.endpoint),
        "plaintext": simulator.plaintext,
        "caFile": simulator.ca_file,
        "fingerprint": None if certificate is None else certificate.fingerprint,
        "apiKey": simulator.api_key,
        "readOnlyApiKey": simulator.read_only_key,
        "plant": model.name,
        "objects": len(model.objects),
        "attributes": len(simulator.plant),
        "alarms": sum(1 for _ in simulator.alarms),
        "users": [user.name for user in simulator.gateway.settings.users],
        "seed": simulator.seed,
        "control": None if control is None else control.endpoint,
        "controlToken": None if control is None else control.token,
        "tags": featured_tags(model),
    }


def connectable(endpoint: str) -> str:
    """Return an endpoint to connect to: listening everywhere includes the loopback address."""
    host, _, port = endpoint.rpartition(":")
    return f"{_ANY_ADDRESS.get(host.strip('[]'), host)}:{port}"


def featured_tags(model: PlantModel) -> list[str]:
    """Return a few tags worth looking at: of every kind of object, what moves first."""
    found = [tag for tag in _OF_DEMO if _has(model, tag)]
    if len(found) == len(_OF_DEMO):
        return found
    found.clear()
    quiet: list[str] = []
    seen: set[str] = set()
    for spec in model.objects:
        if spec.template in seen:
            continue
        seen.add(spec.template)
        attributes = model.attributes_of(spec)
        moving = [a for a in attributes if a.signal is not None and a.length is None]
        # What has units is a measured value.
        moving.sort(key=lambda attribute: not attribute.units)
        found += [f"{spec.name}.{a.name}" for a in moving[:2]]
        quiet += [f"{spec.name}.{a.name}" for a in attributes[:1] if a not in moving[:2]]
    return [*found, *quiet][:_FEATURED]


def _has(model: PlantModel, tag: str) -> bool:
    name, _, attribute = tag.partition(".")
    spec = model.by_name.get(name.lower())
    return spec is not None and any(a.name == attribute for a in model.attributes_of(spec))


def item_to_try(model: PlantModel) -> str | None:
    """Return the tag to try first, or None where there is none."""
    from mxgateway.simulator import DEFAULT_ITEM

    return DEFAULT_ITEM if _has(model, DEFAULT_ITEM) else next(iter(featured_tags(model)), None)


def _fingerprint(certificate: str) -> str:
    from mxgateway.errors import ConfigurationError
    from mxgateway.simulator.certificates import fingerprint_of

    try:
        return fingerprint_of(certificate)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the certificate {certificate}: {error.strerror or error}"
        ) from error


def shell_word(word: str) -> str:
    """Return a word as it can be typed in any usual shell."""
    return word if re.fullmatch(r"[\w.:/@%+=\\-]+", word) else f'"{word}"'
