"""A federation on paper: keys, a signed roster, a signed agreement, manifests, and cabinets that hold them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.models.defaults import BUNDLE_SHA256
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.echoes import Echo, echo_of, round_before
from safeborders.models.protocol.freshness import issue_timestamp
from safeborders.models.protocol.manifest import Aggregation, RunManifest, countersign_manifest, draft_manifest
from safeborders.models.protocol.messages import EMPTY_SHA256, Header, Kind, sign_message
from safeborders.models.protocol.papers import Papers
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.roster import (
    MemberKeys,
    draft_roster,
    read_roster,
    roster_fingerprint,
    sign_roster,
)
from safeborders.privacy.agreement.cabinet import Cabinet, PaperKind
from safeborders.privacy.agreement.decisions import Decision
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.signing import draft, sign
from safeborders.privacy.agreement.source import parse_source
from safeborders.privacy.agreement.terms import Agreement

EXAMPLE = Path(__file__).parents[3] / "configs" / "agreements" / "nine-countries.example.yaml"
NINE = ("ro", "bg", "gr", "it", "pl", "pt", "be", "fi", "wb-al")
TODAY = datetime(2027, 3, 1, 12, tzinfo=UTC)
"""Within the example's term."""


class InMemoryPapers:
    """A paper store for one process."""

    def __init__(self) -> None:
        self.papers: dict[PaperKind, list[bytes]] = {kind: [] for kind in PaperKind}

    def add(self, kind: PaperKind, content: bytes, *, at: datetime) -> None:
        self.papers[kind].append(content)

    def list_papers(self, kind: PaperKind) -> Sequence[bytes]:
        return tuple(self.papers[kind])

    def find_newest(self, kind: PaperKind) -> bytes | None:
        return self.papers[kind][-1] if self.papers[kind] else None


@dataclass
class InMemoryJournal:
    """A journal for one process."""

    decisions: list[Decision] = field(default_factory=list)

    def record(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def find_latest_at(self) -> datetime | None:
        return max((one.at for one in self.decisions), default=None)

    def list_decisions(self) -> Sequence[Decision]:
        return tuple(self.decisions)


def example_source() -> dict[str, Any]:
    """Return the example agreement as a document to change."""
    document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    return document


def terms_for(countries: Sequence[str], **changes: Any) -> Agreement:
    """Return the example's agreement among ``countries`` and the coordinator, top-level keys changed as told."""
    document = example_source()
    (template, *_) = document["parties"]
    coordinator = document["parties"][-1]
    document["parties"] = [{**template, "id": country} for country in countries] + [coordinator]
    document["third_countries"] = {
        country: {"instrument": None, "profile": "third_country_strict"}
        for country in countries
        if country.startswith("wb")
    }
    document["grants"] = [
        {
            **grant,
            **{
                end: [name for name in grant[end] if name in countries] if isinstance(grant[end], list) else grant[end]
                for end in ("from", "to")
            },
        }
        for grant in document["grants"]
    ]
    document.update(changes)
    return parse_source(json.dumps(document, default=str))  # JSON is YAML


def unmasked_grants() -> list[dict[str, Any]]:
    """Return the example's grants, with updates that need no masks and models that need no evidence."""
    grants: list[dict[str, Any]] = example_source()["grants"]
    grants[0]["conditions"]["secagg"] = {"required": False, "min_cohort": 2}
    grants[1]["conditions"]["anonymity_evidence"] = "personal_data"
    return grants


@dataclass
class PaperFederation:
    """Keys of all members; makes signed documents of any kind, also wrong ones."""

    countries: tuple[str, ...] = NINE
    federation: str = "safeborders-example"
    now: datetime = TODAY
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    node_keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.countries, COORDINATOR):
            self.keys.setdefault(name, Ed25519PrivateKey.generate())
            self.node_keys.setdefault(name, Ed25519PrivateKey.generate())
        self.roster = self.make_roster()

    def members(self) -> dict[str, MemberKeys]:
        """Return everybody's public keys."""
        return {
            name: MemberKeys(agreement=public_key_hex(self.keys[name]), node=public_key_hex(self.node_keys[name]))
            for name in (*self.countries, COORDINATOR)
        }

    def make_roster(
        self,
        *,
        version: int = 1,
        members: dict[str, MemberKeys] | None = None,
        signers: Sequence[str] | None = None,
        days: int = 90,
    ) -> bytes:
        """Return a roster that ``signers`` (all countries) signed."""
        content = draft_roster(
            self.federation,
            members=members or self.members(),
            version=version,
            expires_at=self.now + timedelta(days=days),
        )
        for name in self.countries if signers is None else signers:
            content = sign_roster(content, key=self.keys[name])
        return content

    @property
    def fingerprint(self) -> str:
        """Of the first roster."""
        return roster_fingerprint(read_roster(self.roster))

    def sign(self, agreement: Agreement, *, signers: Sequence[str] | None = None) -> bytes:
        """Return the agreement with the signatures of ``signers`` (all parties)."""
        content = draft(agreement)
        for name in agreement.party_names if signers is None else signers:
            content = sign(content, key=self.keys[name])
        return content

    def make_cabinet(self, *agreements: Agreement) -> Cabinet:
        """Return a cabinet with the roster and ``agreements``, each signed by all."""
        cabinet = Cabinet(InMemoryPapers())
        cabinet.trust_first_roster(self.roster, fingerprint=self.fingerprint, now=self.now)
        for agreement in agreements:
            cabinet.adopt(self.sign(agreement), now=self.now)
        return cabinet

    def make_engine(self, own: str, *agreements: Agreement, journal: InMemoryJournal | None = None) -> PolicyEngine:
        """Return an engine of ``own`` under the last of ``agreements``."""
        cabinet = self.make_cabinet(*agreements)
        return PolicyEngine(
            own, standing=cabinet.standing, journal=journal or InMemoryJournal(), clock=lambda: self.now
        )

    def make_manifest(
        self, plan: RunPlan, *, agreement_sha256: str, signers: Sequence[str] | None = None, **changes: Any
    ) -> bytes:
        """Return the manifest of ``plan`` with the signatures of the coordinator and ``signers`` (two participants)."""
        fields: dict[str, Any] = {
            "plan": plan,
            "aggregation": Aggregation.PLAIN,
            "agreement_sha256": agreement_sha256,
            "bundle_sha256": BUNDLE_SHA256,
            "initial_model_sha256": "0" * 64,
            "valid_from": self.now - timedelta(hours=1),
            "valid_until": self.now + timedelta(days=7),
        }
        content = draft_manifest(RunManifest(**{**fields, **changes}), key=self.node_keys[COORDINATOR])
        two = [country.value for country in plan.participants][:2]
        for name in two if signers is None else signers:
            content = countersign_manifest(content, key=self.node_keys[name])
        return content

    def make_timestamp(self, *, now: datetime | None = None, roster: bytes | None = None) -> bytes:
        """Return the coordinator's word of ``now`` about ``roster``."""
        return issue_timestamp(roster or self.roster, key=self.node_keys[COORDINATOR], now=now or self.now)

    def make_papers(self, manifest: bytes, *, timestamp: bytes | None = None, echoes: Sequence[Echo] = ()) -> bytes:
        """Return what travels with an order."""
        stamp = timestamp or self.make_timestamp()
        return Papers(manifest=manifest.decode(), timestamp=stamp.decode(), echoes=tuple(echoes)).to_bytes()

    def make_echoes(self, order: Header, *, base: str, countries: Sequence[str] | None = None) -> tuple[Echo, ...]:
        """Return what ``countries`` (all) signed in the round before ``order``, for the model ``base``."""
        if round_before(order) < 1:
            return ()
        changes = {"kind": Kind.UPDATE, "round": round_before(order), "base_model_sha256": base, "sequence": 1}
        return tuple(
            echo_of(
                sign_message(
                    order.model_copy(update={**changes, "country": Country(name), "payload_sha256": EMPTY_SHA256}),
                    payload=b"",
                    key=self.node_keys[name],
                )
            )
            for name in (self.countries if countries is None else countries)
        )
