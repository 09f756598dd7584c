"""`trust`: the certificate of a gateway, looked at by a person and kept for --ca-file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from mxgateway.bounded_files import read_bounded
from mxgateway.errors import ConfigurationError
from mxgateway.options import ClientOptions

from ..numbers import FiniteRange
from ..options import Invocation, OutputFormat, examples, local_command
from ..output.results import write_result
from ..private_files import make_private_folder
from ..settings.places import config_folder
from ..whole_files import write_whole

if TYPE_CHECKING:
    from ..doctor.certificate import Certificate

__all__ = ["trust"]

_MOST_BYTES: Final = 1_000_000
_PEM: Final = re.compile(r"-----BEGIN .*?-----END [^-]*-----", re.DOTALL)


@click.command(
    "trust",
    epilog=examples(
        "mxgw-py trust plant:5001",
        "mxgw-py trust plant:5001 --yes --output-file plant.pem",
    ),
)
@local_command
@click.argument("endpoint", metavar="HOST:PORT")
@click.option("--yes", is_flag=True, help="Write the file without asking.")
@click.option(
    "--output-file",
    metavar="PEM",
    help="File to write; by default one in the folder of the profiles.",
)
@click.option(
    "--server-name-override",
    metavar="NAME",
    help="Name to ask the server for, in place of the host.",
)
@click.option(
    "--timeout",
    type=FiniteRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest time for fetching the certificate.",
)
def trust(
    invocation: Invocation,
    endpoint: str,
    yes: bool,
    output_file: str | None,
    server_name_override: str | None,
    timeout: float,
) -> None:
    """Show the certificate of a gateway and, once you say yes, write it for --ca-file.

    Compare the fingerprint with the one that the gateway's administrator tells you by another
    way: whoever stands in between could show a certificate of their own. No key is sent.
    """
    options = ClientOptions(
        endpoint=endpoint, server_name_override=server_name_override, connect_timeout=timeout
    )
    from ..doctor.certificate import look_at_certificate
    from ..run import run_async

    certificate = run_async(lambda: look_at_certificate(options))
    path = Path(output_file) if output_file else _usual_file(invocation, options)
    before = _kept(path) if certificate.usable_as_authority else None
    if before == certificate.fingerprint:
        before = None

    def show(written: bool) -> None:
        document = certificate.to_dict() | {
            "endpoint": options.target,
            "writtenTo": str(path) if written else None,
            "keptBefore": before,
        }
        write_result(invocation, document, lambda: _fields(certificate, options))

    # A person has to see what is to be trusted; a program, what became of it.
    for_people = invocation.format is OutputFormat.TABLE and not invocation.fields
    if for_people:
        show(written=False)
    if before is not None:
        invocation.environment.note(
            f"{path} holds another certificate, SHA-256 {before}: the gateway got a new one, "
            "or somebody stands in between."
        )
    written = _decide(invocation, certificate, path, yes=yes)
    if not for_people:
        show(written)
    if written:
        invocation.environment.note(
            f"Written to {path}. Use it with: --endpoint {options.target} --tls --ca-file {path}"
        )


def _decide(invocation: Invocation, certificate: Certificate, path: Path, *, yes: bool) -> bool:
    """Write the file where the user agrees; return whether it was written."""
    environment = invocation.environment
    if not certificate.usable_as_authority:
        environment.note(
            "Nothing was written: another authority signed this certificate, so --ca-file needs "
            "the certificate of that authority. To trust this one alone, give "
            f"--fingerprint {certificate.fingerprint}"
        )
        return False
    if not yes:
        asking = sys.stdin is not None and sys.stdin.isatty()
        if not asking or invocation.format is not OutputFormat.TABLE:
            environment.note("Nothing was written; --yes writes without asking.")
            return False
        if not environment.confirm(f"Trust it and write {path}?"):
            return False
    _write(path, certificate.pem)
    return True


def _kept(path: Path) -> str | None:
    """Return the fingerprint of the certificate that a file holds, None where it holds nothing.

    Raises:
        ConfigurationError: It holds something else, which must not be written over.
    """
    import ssl

    from ..doctor.certificate import fingerprint

    if path.is_char_device():
        return None  # It keeps nothing, as the null device: there is nothing to lose.
    try:
        text = read_bounded(path, _MOST_BYTES).decode(errors="replace")
        if not text.strip():
            return None
        if text.count("-----BEGIN ") > 1:  # With many the pattern takes the square of their number.
            raise ValueError("several")
        (der,) = [ssl.PEM_cert_to_DER_cert(block) for block in _PEM.findall(text)]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read: {error.strerror or error}; choose another --output-file"
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{str(path)!r} exists and is no single certificate; it is left as it is: choose "
            "another --output-file"
        ) from error
    return fingerprint(der)


def _write(path: Path, pem: str) -> None:
    try:
        make_private_folder(path.parent)
        write_whole(path, pem)
    except OSError as error:
        raise ConfigurationError(
            f"the certificate cannot be written to {str(path)!r}: {error.strerror or error}; "
            "choose another --output-file"
        ) from error


def _usual_file(invocation: Invocation, options: ClientOptions) -> Path:
    # A colon, as in an IPv6 address, is no character for a file name on Windows.
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", options.target).strip("_")
    return config_folder(invocation.environment.variables) / "trusted" / f"{name}.pem"


def _fields(certificate: Certificate, options: ClientOptions) -> list[tuple[str, Any]]:
    signer = "itself" if certificate.self_signed else certificate.issuer
    return [
        ("Endpoint", options.target),
        ("Subject", certificate.subject),
        *(("Names" if n == 0 else "", name) for n, name in enumerate(certificate.names)),
        ("Signed by", signer),
        ("Valid", certificate.validity()),
        ("SHA-256", certificate.fingerprint),
        ("TLS", f"{certificate.tls_version}, ALPN {certificate.alpn or 'none'}"),
    ]
