"""What the authority remembers: whose key it compared, what it issued, and what it took back."""

from datetime import datetime
from pathlib import Path

from pydantic import Field, ValidationError

from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.enrolment import EdgeRequest, Request
from safeborders.models.protocol.membership import Validity
from safeborders.models.protocol.plan import Frozen


class PartyRecord(Frozen):
    """A party whose fingerprint was compared."""

    signing_key: str
    compared_at: datetime
    revoked_at: datetime | None = None


class CertificateRecord(Frozen):
    """A certificate that was issued."""

    party: str
    serial: str
    sha256: str
    starts_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None

    @property
    def validity(self) -> Validity:
        """From when until when it counts."""
        return Validity(starts_at=self.starts_at, ends_at=self.ends_at)


class Register(Frozen):
    """Everything; it is replaced as a whole, before anything that it accounts for leaves the machine.

    Attributes:
        number: Of the newest list of revoked certificates.
        edge_names: Names of the coordinator's edge, from its newest request.
        parties: By name; the newest key of each.
        revoked_keys: Signing keys that never come back.
        certificates: All that were issued, oldest first.
    """

    version: int = Field(default=1, ge=1, le=1)
    number: int = 0
    edge_names: tuple[str, ...] = Field(default=(), strict=False)
    parties: dict[str, PartyRecord] = Field(default_factory=dict)
    revoked_keys: tuple[str, ...] = Field(default=(), strict=False)
    certificates: tuple[CertificateRecord, ...] = Field(default=(), strict=False)

    @property
    def coordinator_key(self) -> str:
        """The coordinator's signing key. Raises Conflict before its first request was signed."""
        found = self.parties.get(COORDINATOR)
        if found is None or found.revoked_at is not None:
            raise Conflict("The coordinator has no certificate yet: sign its request before those of countries.")
        return found.signing_key

    def knows(self, request: Request) -> bool:
        """Tell whether the fingerprint of this key was compared for this party, so that it may renew.

        Raises:
            Conflict: If the key was revoked, is another party's, or the party has another one in force.
        """
        if request.signing_key in self.revoked_keys:
            raise Conflict(f"The key of {request.party} was revoked: it must make a new one.")
        for name, record in self.parties.items():
            if name != request.party and record.signing_key == request.signing_key:
                raise Conflict(f"The key of {request.party} is that of {name}: every party needs its own.")
        held = self.parties.get(request.party)
        if held is None or held.revoked_at is not None:
            return False
        if held.signing_key != request.signing_key:
            raise Conflict(f"{request.party} has another key in force: revoke that first.")
        return True

    def with_certificate(self, request: Request, issued: CertificateRecord) -> "Register":
        """Return the register with one more certificate, and its party where it is new."""
        held = self.parties.get(request.party)
        is_known = held is not None and held.revoked_at is None
        record = held if is_known else PartyRecord(signing_key=request.signing_key, compared_at=issued.starts_at)
        names = request.edge_names if isinstance(request, EdgeRequest) else self.edge_names
        changes = {
            "edge_names": names,
            "parties": {**self.parties, request.party: record},
            "certificates": (*self.certificates, issued),
        }
        return self.model_copy(update=changes)

    def without(self, party: str, *, at: datetime, is_key_lost: bool) -> "Register":
        """Return the register with all certificates of ``party`` revoked, and its key where that is lost.

        Raises:
            Conflict: If the party has no certificate.
        """
        held = self.parties.get(party)
        if held is None or held.revoked_at is not None:
            raise Conflict(f"{party} has nothing in force: there is nothing to revoke.")
        certificates = tuple(
            one.model_copy(update={"revoked_at": at}) if one.party == party and one.revoked_at is None else one
            for one in self.certificates
        )
        changes: dict[str, object] = {"certificates": certificates}
        if is_key_lost:
            changes["parties"] = {**self.parties, party: held.model_copy(update={"revoked_at": at})}
            changes["revoked_keys"] = (*self.revoked_keys, held.signing_key)
        return self.model_copy(update=changes)

    def revoked_serials(self, *, now: datetime) -> dict[int, datetime]:
        """Return the revoked certificates that would still count today, and since when they do not."""
        return {
            int(one.serial, 16): one.revoked_at
            for one in self.certificates
            if one.revoked_at is not None and one.ends_at > now
        }

    def newest_of(self, party: str) -> CertificateRecord | None:
        """Return the last certificate of ``party`` that was not revoked."""
        found = [one for one in self.certificates if one.party == party and one.revoked_at is None]
        return found[-1] if found else None


def load_register(path: Path) -> Register:
    """Return the register at ``path``. Raises SettingsError."""
    try:
        return Register.model_validate_json(load_bytes(path))
    except ValidationError as error:
        raise SettingsError(f"The register in {path} is damaged: restore it from the backup.") from error


def save_register(register: Register, path: Path) -> None:
    """Keep the register durably."""
    write_atomically(path, register.model_dump_json(indent=1).encode())
