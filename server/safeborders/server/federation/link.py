"""Where the SuperLink is and which files make it ours: the small values that every part of the federation takes."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from safeborders.kit.files import write_atomically
from safeborders.kit.pki import build_request, certificate_pem, create_authority, create_key, issue_certificate

_LOOPBACK_DAYS = 3650
"""The certificate serves one machine's loopback; it is made anew with the folder."""


@dataclass(frozen=True)
class Link:
    """Our SuperLink: a loopback port and a private folder with its database, secret, certificate and log.

    Args:
        folder: Readable by the coordinator's account only; made when absent.
        port: On 127.0.0.1.
    """

    folder: Path
    port: int

    @property
    def address(self) -> str:
        """Host and port as Flower writes them."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Base URL."""
        return f"https://{self.address}"

    @property
    def authority(self) -> Path:
        """The certificate that signed the SuperLink's own; nothing else is trusted on loopback."""
        return self.folder / "loopback-authority.pem"

    @property
    def certificate(self) -> Path:
        """The SuperLink's certificate."""
        return self.folder / "loopback.pem"

    @property
    def key(self) -> Path:
        """The SuperLink's TLS key."""
        return self.folder / "loopback.key"

    @property
    def secret(self) -> Path:
        """What only our runner knows: without it nobody acquires a run's task (federation.md 1)."""
        return self.folder / "runner.secret"

    @property
    def database(self) -> Path:
        """Flower's own SQLite file; it may be lost, our registry may not."""
        return self.folder / "superlink.db"

    @property
    def log(self) -> Path:
        """What the SuperLink prints."""
        return self.folder / "superlink.log"

    def prepare(self) -> None:
        """Make what is missing: the folder, the secret, the loopback certificate."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.secret.exists():
            write_atomically(self.secret, secrets.token_hex(32).encode())
        if not self.certificate.exists():
            self._make_certificate()

    def _make_certificate(self) -> None:
        now = datetime.now(UTC)
        authority = create_authority("SafeBorders loopback", now=now, days=_LOOPBACK_DAYS)
        request = build_request("SafeBorders SuperLink", key=create_key(self.key))
        certificate = issue_certificate(
            authority, request, now=now, days=_LOOPBACK_DAYS, server_names=("127.0.0.1", "localhost")
        )
        write_atomically(self.authority, certificate_pem(authority.certificate))
        write_atomically(self.certificate, certificate_pem(certificate))  # last: its presence means all are there


def quiet_environment(folder: Path) -> dict[str, str]:
    """Return variables under which no part of Flower calls home, installs anything or writes outside ``folder``."""
    return {
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "FLWR_HOME": str(folder / "flower"),
        "FLWR_LOG_LEVEL": "WARNING",
    }
