"""The run manifest: everything that a run may do, in one document that the coordinator and two countries sign.

It holds the plan itself, so that whoever signs sees every number, and binds it to the agreement, the bundle and the
days that it is good for. It is canonical JSON in a DSSE envelope; a node believes it only by the roster's node keys.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, Field, ValidationError

from safeborders.kit.canonical import canonical_json, sha256_hex
from safeborders.kit.envelopes import EnvelopeRefused, add_signature, find_signers, open_envelope, seal
from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.plan import Frozen, RunPlan, Sha256

PAYLOAD_TYPE = "application/vnd.safeborders.manifest+json"
LEAST_COUNTRIES = 2
LONGEST_DAYS = 31


class ManifestRefused(SafeBordersError):
    """A run's manifest is missing, is not signed as it must be, or says something else than the run does."""

    code: ClassVar[str] = "agreement.manifest_refused"


class Aggregation(StrEnum):
    """How the coordinator combines updates; a run has one way (security.md 2)."""

    SECURE = "secure"  # under masks: the coordinator sees the sum alone
    ROBUST = "robust"  # nearest-neighbour mixing and trimmed mean over single updates
    PLAIN = "plain"  # a sum of single updates, each under its country's own full noise


class RunManifest(Frozen):
    """One run, as its signers allow it.

    ``bundle_sha256`` is the hash of the Flower bundle without code; it names what the coordinator's own runtime carries
    and is executed by no node.
    """

    version: int = Field(default=1, ge=1, le=1)
    plan: RunPlan
    aggregation: Aggregation = Field(strict=False)
    agreement_sha256: Sha256
    bundle_sha256: Sha256
    initial_model_sha256: Sha256
    valid_from: AwareDatetime = Field(strict=False)
    valid_until: AwareDatetime = Field(strict=False)

    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical_json(self.model_dump(mode="json"))

    def sha256(self) -> str:
        """Return the hash that names this manifest in approvals and in the audit log."""
        return sha256_hex(self.canonical())


def draft_manifest(manifest: RunManifest, *, key: Ed25519PrivateKey) -> bytes:
    """Return the manifest in its envelope, signed by the coordinator."""
    return add_signature(seal(manifest.canonical(), kind=PAYLOAD_TYPE), kind=PAYLOAD_TYPE, key=key)


def read_manifest(content: bytes) -> RunManifest:
    """Return what a manifest says, whoever signed it.

    Raises:
        ManifestRefused: If it is no manifest in its one canonical form.
    """
    try:
        payload = open_envelope(content, kind=PAYLOAD_TYPE)
        manifest = RunManifest.model_validate_json(payload)
    except (EnvelopeRefused, ValidationError) as error:
        raise ManifestRefused("The file is no run manifest of this version: ask the coordinator for it.") from error
    if manifest.canonical() != payload:
        raise ManifestRefused("The manifest is not in canonical form: both ends need the same version.")
    return manifest


def countersign_manifest(content: bytes, *, key: Ed25519PrivateKey) -> bytes:
    """Return the manifest with a country's signature. Raises ManifestRefused."""
    read_manifest(content)
    return add_signature(content, kind=PAYLOAD_TYPE, key=key)


def manifest_signers(content: bytes, *, keys: Mapping[str, str]) -> frozenset[str]:
    """Return which parties have signed, by the roster's node keys. Raises ManifestRefused."""
    read_manifest(content)
    return find_signers(content, kind=PAYLOAD_TYPE, keys=keys)


def verify_manifest(content: bytes, *, keys: Mapping[str, str], now: datetime) -> RunManifest:
    """Return the manifest if the coordinator and two of its participants signed it and it is good now.

    Args:
        content: The envelope.
        keys: The roster's node keys, by party.
        now: The time.

    Raises:
        ManifestRefused: If a signature is missing, or it is too early, too late, or good for too long.
    """
    manifest = read_manifest(content)
    signers = manifest_signers(content, keys=keys)
    participants = {country.value for country in manifest.plan.participants}
    if COORDINATOR not in signers:
        raise ManifestRefused("The manifest is not signed by the coordinator of the roster: the run is not answered.")
    if len(signers & participants) < LEAST_COUNTRIES:
        raise ManifestRefused("Fewer than two participants signed the manifest: the run is not answered.")
    if manifest.valid_until - manifest.valid_from > timedelta(days=LONGEST_DAYS):
        raise ManifestRefused("The manifest is good for more than 31 days: the run is not answered.")
    if not manifest.valid_from <= now <= manifest.valid_until:
        raise ManifestRefused("The manifest is not good today: the run is not answered.")
    return manifest


def check_manifest_covers(
    manifest: RunManifest, plan: RunPlan, *, round_number: int, model_sha256: str, bundles: Iterable[str]
) -> None:
    """Refuse a message that the manifest does not stand behind.

    Args:
        manifest: That was verified.
        plan: In the message.
        round_number: Of the message.
        model_sha256: Of the model in the message.
        bundles: Hashes of the bundles that this version knows.

    Raises:
        ManifestRefused: If plan, bundle or the first round's model differ.
    """
    if manifest.plan != plan:
        raise ManifestRefused("The run's plan is not the one that was signed: the run is not answered.")
    if manifest.bundle_sha256 not in set(bundles):
        raise ManifestRefused("The manifest names a bundle that this version does not know: the run is not answered.")
    if round_number == 1 and manifest.initial_model_sha256 != model_sha256:
        raise ManifestRefused("The first model is not the one that was signed: the run is not answered.")
