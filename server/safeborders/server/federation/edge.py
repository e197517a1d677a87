"""The public edge: mutual TLS 1.3 in front of the SuperLink, which forwards the Fleet API and nothing else.

The client certificate is required in the handshake, so that an unknown caller reaches no parser of ours, and it is
compared with the passes at each request, so that a revoked one is refused at once. Everything but ``/v1/fleet/*`` and
``/health`` is 404: the Control and Runtime APIs stay on loopback (federation.md 1).
"""

import asyncio
import hashlib
import logging
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from pydantic import TypeAdapter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SafeBordersError, SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.logs import get_log, set_up_logs
from safeborders.kit.processes import check_port_is_free, start_child
from safeborders.server.federation.link import Link, quiet_environment
from safeborders.server.federation.passes import Doorkeeper
from safeborders.server.federation.proxy import PEER, FleetProxy

_KEEP_ALIVE_SECONDS = 75
_EXIT_REFUSED = 2


@dataclass(frozen=True)
class EdgeConfig:
    """What the edge's process needs.

    Args:
        link: The SuperLink behind it.
        host: Address to listen on.
        port: Port to listen on.
        authority: Certificate of the federation's root; only what it vouches for gets in.
        certificate: The edge's own certificate, followed by that of its issuer.
        key: The edge's TLS key.
        passes: File of those who get in today.
        max_body_bytes: Largest request that is taken from a node.
    """

    link: Link
    host: str
    port: int
    authority: Path
    certificate: Path
    key: Path
    passes: Path
    max_body_bytes: int = 64 * 2**20

    @property
    def path(self) -> Path:
        """The file that the child reads."""
        return self.link.folder / "edge.json"

    @property
    def log(self) -> Path:
        """What the edge prints."""
        return self.link.folder / "edge.log"


class PeerProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which also tells the application whose certificate the handshake has shown."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take the connection, and the hash of the peer's certificate, into the state of all its requests."""
        super().connection_made(transport)
        secured = transport.get_extra_info("ssl_object")
        shown = secured.getpeercert(binary_form=True) if secured is not None else None
        self.app_state = {**self.app_state, PEER: hashlib.sha256(shown or b"").hexdigest()}


def start_edge(config: EdgeConfig) -> subprocess.Popen[bytes]:
    """Start the edge as a child; call it from the main thread (see kit.processes).

    Raises:
        SettingsError: If its port is in use or a TLS file cannot be used.
    """
    check_port_is_free(config.port, host=config.host)
    server_context(config)
    config.link.prepare()
    write_atomically(config.path, _FORM.dump_json(config))
    return start_child(
        [sys.executable, "-m", "safeborders.server.federation.edge", str(config.path)],
        log=config.log,
        environment=quiet_environment(config.link.folder),
    )


def server_context(config: EdgeConfig) -> ssl.SSLContext:
    """Return a TLS 1.3 context that asks every client for a certificate of the federation's authority.

    Raises:
        SettingsError: If a file is missing or no key or certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(cafile=config.authority)
        context.load_cert_chain(config.certificate, config.key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"The TLS files {config.authority}, {config.certificate} and {config.key} cannot be used: restore them."
        ) from error
    return context


def run_edge(config: EdgeConfig) -> None:
    """Serve until SIGTERM."""
    context, doors = server_context(config), Doorkeeper(config.passes, clock=system_clock)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvicorn.run(
        FleetProxy(config.link, doors=doors, max_body_bytes=config.max_body_bytes),
        http=PeerProtocol,
        host=config.host,
        port=config.port,
        ssl_context_factory=lambda *_: context,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        log_level="warning",
    )


def main(arguments: list[str]) -> int:
    """Run the edge that the file in ``arguments`` describes."""
    set_up_logs()
    try:
        run_edge(_FORM.validate_json(Path(arguments[0]).read_bytes()))
    except SafeBordersError as error:
        get_log("edge").error("edge_refused", code=error.code, reason=error.message)
        return _EXIT_REFUSED
    return 0


_FORM = TypeAdapter(EdgeConfig)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
