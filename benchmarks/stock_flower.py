"""Stock Flower on loopback: flower-superlink and flower-supernode as their documentation starts them, TLS on."""

import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.cli.build import build_fab_from_files
from flwr.common.serde import user_config_to_proto
from flwr.proto.control_pb2 import RegisterNodeRequest, StartRunRequest
from flwr.proto.fab_pb2 import Fab
from flwr.supercore.control import ControlHttpClient

from safeborders.kit.pki import build_request, certificate_pem, create_authority, create_key, issue_certificate
from safeborders.kit.processes import find_free_port, start_child, stop_children
from safeborders.server.federation.link import quiet_environment

_MANIFEST = """
[project]
name = "stock-noop"
version = "1.0.0"
description = "A no-op app"
dependencies = []
[tool.flwr.app]
publisher = "bench"
[tool.flwr.app.components]
serverapp = "stock.server:app"
clientapp = "stock.client:app"
[tool.flwr.app.config]
nodes = 0
rounds = 0
out = ""
"""
_START_SECONDS = 60.0
_ROUND_SECONDS = 120.0


def measure_stock(folder: Path, *, nodes: int, rounds: int) -> float:
    """Return the seconds per round of stock Flower; the first round, which warms up, is left out."""
    out = folder / "stock.json"
    address = f"127.0.0.1:{find_free_port()}"
    _make_certificate(folder)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # Flower starts its own by name
    environment = {**quiet_environment(folder), "PATH": programs}
    children = [start_child(_superlink(folder, address), log=folder / "stock.log", environment=environment)]
    try:
        control = ControlHttpClient.from_server_address(
            address, False, (folder / "stock-ca.pem").read_bytes(), interceptors=[]
        )
        for number in range(nodes):
            _retry(control, RegisterNodeRequest(public_key=_make_node_key(folder / f"stock-{number}.key")))
            command = _supernode(folder, address, number=number)
            children.append(start_child(command, log=folder / "stock.log", environment=environment))
        config = user_config_to_proto({"nodes": nodes, "rounds": rounds, "out": str(out)})
        control.StartRun(StartRunRequest(fab=Fab(content=_bundle()), override_config=config))
        deadline = time.monotonic() + _START_SECONDS + rounds * _ROUND_SECONDS
        while not out.exists():
            if time.monotonic() > deadline or any(child.poll() is not None for child in children):
                raise TimeoutError(f"stock Flower did not finish: {(folder / 'stock.log').read_text()[-2000:]}")
            time.sleep(0.5)
        time.sleep(0.2)
        seconds: Sequence[float] = json.loads(out.read_text(encoding="utf-8"))
        return sum(seconds[1:]) / len(seconds[1:])
    finally:
        stop_children(children)


def _make_node_key(path: Path) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _retry(control: ControlHttpClient, request: RegisterNodeRequest) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            control.RegisterNode(request)
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def _superlink(folder: Path, address: str) -> list[str]:
    host, port = address.split(":")
    return [
        _program("flower-superlink"),
        *("--host", host, "--port", port, "--database", str(folder / "stock.db")),
        *("--ssl-ca-certfile", str(folder / "stock-ca.pem")),
        *("--ssl-certfile", str(folder / "stock.pem"), "--ssl-keyfile", str(folder / "stock.key")),
        "--enable-supernode-auth",
    ]


def _supernode(folder: Path, address: str, *, number: int) -> list[str]:
    return [
        _program("flower-supernode"),
        *("--superlink", address, "--root-certificates", str(folder / "stock-ca.pem")),
        *("--auth-supernode-private-key", str(folder / f"stock-{number}.key")),
        *("--host", "127.0.0.1", "--port", str(find_free_port())),
    ]


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _bundle() -> bytes:
    here = Path(__file__).parent / "stock"
    files = {f"stock/{path.name}": path for path in here.glob("*.py")}
    bundle: bytes
    bundle, _ = build_fab_from_files({"pyproject.toml": _MANIFEST.encode(), **files})
    return bundle


def _make_certificate(folder: Path) -> None:
    now = datetime.now(UTC)
    authority = create_authority("stock authority", now=now, days=1)
    request = build_request("stock", key=create_key(folder / "stock.key"))
    certificate = issue_certificate(authority, request, now=now, days=1, server_names=("127.0.0.1", "localhost"))
    (folder / "stock-ca.pem").write_bytes(certificate_pem(authority.certificate))
    (folder / "stock.pem").write_bytes(certificate_pem(certificate))
