"""The public edge starts with whole TLS files on a free port, or not at all; what it lets in: tests/e2e/federation."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from pydantic import TypeAdapter

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.pki import build_request, certificate_pem, create_authority, create_key, issue_certificate
from safeborders.server.federation.edge import EdgeConfig, main, server_context, start_edge
from safeborders.server.federation.link import Link


@pytest.fixture
def config(tmp_path: Path) -> EdgeConfig:
    """Return an edge with a certificate of its authority."""
    now = datetime.now(UTC)
    authority = create_authority("test", now=now, days=2)
    request = build_request("edge", key=create_key(tmp_path / "edge.key"))
    certificate = issue_certificate(authority, request, now=now, days=1, server_names=("127.0.0.1",))
    write_atomically(tmp_path / "authority.pem", certificate_pem(authority.certificate))
    write_atomically(tmp_path / "edge.pem", certificate_pem(certificate))
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    return EdgeConfig(
        link=Link(folder=tmp_path / "link", port=1),
        host="127.0.0.1",
        port=port,
        authority=tmp_path / "authority.pem",
        certificate=tmp_path / "edge.pem",
        key=tmp_path / "edge.key",
        passes=tmp_path / "passes.json",
    )


def spoiled(config: EdgeConfig, file: str) -> EdgeConfig:
    path: Path = getattr(config, file)
    path.write_bytes(b"-----BEGIN NOTHING-----\n")
    return config


@pytest.mark.parametrize("file", ["authority", "certificate", "key"])
@pytest.mark.parametrize("how", ["missing", "spoiled"])
def test_without_whole_tls_files_nothing_listens(config: EdgeConfig, file: str, how: str) -> None:
    server_context(config)  # control
    broken = spoiled(config, file) if how == "spoiled" else replace(config, **{file: config.link.folder / "nowhere"})  # type: ignore[arg-type]  # a path
    with pytest.raises(SettingsError, match="TLS files"):
        start_edge(broken)
    assert not broken.path.exists()


def test_a_port_that_is_taken_is_said_before_anything_starts(config: EdgeConfig) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", config.port))),
        pytest.raises(SettingsError, match=str(config.port)),
    ):
        start_edge(config)
    assert not config.path.exists()


@pytest.fixture
def logs() -> Iterator[None]:
    """Leave structlog as it was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("logs")
def test_the_child_says_why_it_does_not_serve(config: EdgeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    config.link.folder.mkdir()
    config.path.write_bytes(TypeAdapter(EdgeConfig).dump_json(spoiled(config, "key")))
    assert main([str(config.path)]) == 2
    said = capsys.readouterr()
    assert "edge_refused" in said.out + said.err
    assert "BEGIN" not in said.out + said.err
    assert json.loads(config.path.read_bytes())["port"] == config.port


def test_an_edge_that_is_interrupted_ends_well(config: EdgeConfig) -> None:
    edge = start_edge(config)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and edge.poll() is None:
            with closing(socket.socket()) as probe:
                if probe.connect_ex((config.host, config.port)) == 0:
                    break
            time.sleep(0.1)
        edge.send_signal(signal.SIGINT)
        assert edge.wait(30) == 0, config.log.read_text(encoding="utf-8")
    finally:
        edge.kill()
