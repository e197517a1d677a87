"""The SuperLink: Flower's server on loopback, started so that nobody but our runner can lead a run."""

import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.kit.errors import SettingsError
from safeborders.kit.processes import check_port_is_free, start_child
from safeborders.models.domain.countries import Country
from safeborders.server.federation.flower_adapter import ControlLink
from safeborders.server.federation.link import Link, quiet_environment


def superlink_command(link: Link) -> list[str]:
    """Return the command line: process isolation, the runner's secret, node authentication, loopback, no installs."""
    program = Path(sys.executable).with_name("flower-superlink")
    return [
        str(program),
        *("--host", "127.0.0.1", "--port", str(link.port)),
        *("--isolation", "process", "--superexec-auth-secret-file", str(link.secret)),
        *("--database", str(link.database)),
        *("--ssl-ca-certfile", str(link.authority)),
        *("--ssl-certfile", str(link.certificate), "--ssl-keyfile", str(link.key)),
        "--enable-supernode-auth",
        "--disable-runtime-dependency-installation",
    ]


def start_superlink(link: Link) -> subprocess.Popen[bytes]:
    """Start the SuperLink of ``link`` as a child; call it from the main thread (see kit.processes).

    Raises:
        SettingsError: If its port is in use or Flower's command is not installed.
    """
    command = superlink_command(link)
    if not Path(command[0]).exists():
        raise SettingsError("The program flower-superlink is not installed: install flwr 1.41 beside this Python.")
    check_port_is_free(link.port)
    link.prepare()
    return start_child(command, log=link.log, environment=quiet_environment(link.folder), folder=link.folder)


def register_node(link: Link, country: Country, *, public_key_pem: bytes) -> int:
    """Let ``country`` connect with its Flower key, and return its Flower node id; a second call changes nothing.

    A country that comes with a new key loses its old one.

    Raises:
        SettingsError: If the key is not an elliptic-curve key in PEM.
        Unavailable: If the SuperLink does not answer.
    """
    try:
        key = serialization.load_pem_public_key(public_key_pem)
    except ValueError as error:
        raise SettingsError("The node's Flower key cannot be read: enrol the node again.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SettingsError("The node's Flower key is not an elliptic-curve key: enrol the node again.")
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with ControlLink(link) as control:
        for node in control.list_nodes():
            if node.public_key == pem:
                return node.node_id
            if node.name == country.value:
                control.unregister_node(node.node_id)
        return control.register_node(country.value, public_key=pem)


def unregister_node(link: Link, country: Country) -> None:
    """Shut ``country`` out: its Flower key is refused from now on."""
    with ControlLink(link) as control:
        for node in control.list_nodes():
            if node.name == country.value:
                control.unregister_node(node.node_id)
