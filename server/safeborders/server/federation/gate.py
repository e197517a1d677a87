"""What the coordinator asks the agreement before a round begins and before a model is handed out (E4 and E5).

It protects the coordinator from an honest mistake. No country relies on it: each decides again at its own gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.clock import Clock
from safeborders.kit.files import write_atomically
from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.echoes import ECHOES, Echo, round_before, round_of
from safeborders.models.protocol.freshness import issue_timestamp
from safeborders.models.protocol.manifest import Aggregation, ManifestRefused, RunManifest, verify_manifest
from safeborders.models.protocol.messages import Header, Kind
from safeborders.models.protocol.papers import Papers
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.roster import KeyRole, RosterRefused, check_not_expired
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.conditions import PrivacyUnit
from safeborders.privacy.agreement.decisions import Point
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.points import check_release, check_round_start
from safeborders.privacy.agreement.release import Release, find_evidence_flaw
from safeborders.privacy.pricing import run_events

_TIMESTAMP_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Masks:
    """What binds a round of secure aggregation to its papers.

    Attributes:
        manifest: Of the run, verified.
        roster_sha256: Of the roster in force.
        keys: Node keys of the participants from that roster, hexadecimal.
    """

    manifest: RunManifest
    roster_sha256: str
    keys: Mapping[Country, str]


class RunGate(Protocol):
    """Stands before each round and each release."""

    def check_round(self, plan: RunPlan) -> None:
        """E4, and E5 for the model that the round starts from. Raises what the agreement refuses."""

    def check_release(self, plan: RunPlan, *, release: Release) -> None:
        """E5 for the final model. Raises what the agreement refuses."""

    def papers_of(self, order: Header) -> bytes:
        """Return what travels with ``order``. Raises ManifestRefused if the run has no manifest."""

    def masks_of(self, plan: RunPlan) -> Masks | None:
        """Return what secure aggregation needs to know; None where the manifest names another way."""

    def keep_echoes(self, run: str, echoes: Sequence[Echo]) -> None:
        """Keep the headers of a round durably, for the next order; before the round is saved."""


class Ungated:
    """For measuring the transport with nodes of no country; a country refuses orders without papers."""

    def check_round(self, plan: RunPlan) -> None:
        """Ask nobody."""

    def check_release(self, plan: RunPlan, *, release: Release) -> None:
        """Ask nobody."""

    def papers_of(self, order: Header) -> bytes:
        """Send none."""
        return b""

    def masks_of(self, plan: RunPlan) -> Masks | None:
        """Name none: there is no roster to agree on keys by."""
        return None

    def keep_echoes(self, run: str, echoes: Sequence[Echo]) -> None:
        """Keep none."""


class AgreementRunGate:
    """Implements ``RunGate`` with roster, agreement and manifests that are kept.

    Args:
        cabinet: Of the coordinator.
        engine: Decides and records.
        manifests: Folder with one signed manifest a run.
        signing: The coordinator's key, for timestamps, and the clock.
        known: Node keys by which replies are checked, from the registry.
    """

    def __init__(
        self,
        cabinet: Cabinet,
        *,
        engine: PolicyEngine,
        manifests: Path,
        signing: tuple[Ed25519PrivateKey, Clock],
        known: tuple[Mapping[Country, str], Catalogue],
    ) -> None:
        self._cabinet = cabinet
        self._engine = engine
        self._manifests = manifests
        self._key, self._clock = signing
        self._known, self._catalogue = known
        self._stamp: tuple[datetime, str, bytes] | None = None
        self._costs: dict[str, float] = {}

    def check_round(self, plan: RunPlan) -> None:
        """E4, and E5 for the model that the round starts from."""
        facts = replace(self._facts(plan), is_working_copy=True)
        for country in plan.participants:
            check_round_start(self._engine, country.value, purpose=plan.purpose, facts=facts).enforce()
            check_release(self._engine, country.value, purpose=plan.purpose, facts=facts).enforce()

    def check_candidate(self, plan: RunPlan) -> None:
        """E5 for the final model as a working copy: its auditors must have it before there can be evidence."""
        facts = replace(self._facts(plan), is_working_copy=True)
        for country in plan.participants:
            check_release(self._engine, country.value, purpose=plan.purpose, facts=facts).enforce()

    def check_release(self, plan: RunPlan, *, release: Release) -> None:
        """E5 for the final model: with the evidence of every country whose records are in it, or what is agreed."""
        keys = self._cabinet.roster().keys(KeyRole.NODE)
        files = self._cabinet.list_evidence(plan.run)
        flaw = find_evidence_flaw(files, release=release, keys=keys, now=self._clock())
        facts = replace(self._facts(plan), has_evidence=flaw is None, evidence_flaw=flaw)
        for country in plan.participants:
            check_release(self._engine, country.value, purpose=plan.purpose, facts=facts).enforce()

    def papers_of(self, order: Header) -> bytes:
        """Return the manifest as it was signed, a timestamp that is at most an hour old, and what the order needs."""
        evidence = self._cabinet.list_evidence(order.run) if order.kind is Kind.ACTIVATE else ()
        papers = Papers(
            manifest=load_manifest(self._manifests, order.run).decode(),
            timestamp=self._timestamp().decode(),
            echoes=self._load_echoes(order.run, round_before(order)),
            evidence=tuple(one.decode() for one in evidence),
        )
        return papers.to_bytes()

    def keep_echoes(self, run: str, echoes: Sequence[Echo]) -> None:
        """Keep the headers of a round beside those of the round before, which a crash may make us ask for again."""
        (number,) = {round_of(echo) for echo in echoes}
        write_atomically(self._echoes(run), ECHOES.dump_json((*self._load_echoes(run, number - 1), *echoes)))

    def _load_echoes(self, run: str, number: int) -> tuple[Echo, ...]:
        path = self._echoes(run)
        kept = ECHOES.validate_json(path.read_bytes()) if path.exists() else ()
        return tuple(echo for echo in kept if round_of(echo) == number)

    def _echoes(self, run: str) -> Path:
        return self._manifests / f"{run}.echoes"

    def masks_of(self, plan: RunPlan) -> Masks | None:
        """Return what secure aggregation needs to know; None where the manifest names another way."""
        manifest = self._checked_manifest(plan)
        if manifest.aggregation is not Aggregation.SECURE:
            return None
        keys = {country: self._known[country] for country in plan.participants}
        return Masks(manifest=manifest, roster_sha256=self._cabinet.roster().sha256, keys=keys)

    def _facts(self, plan: RunPlan) -> Facts:
        manifest = self._checked_manifest(plan)
        return Facts(
            point=Point.ROUND_START,
            run=plan.run,
            named_agreement=manifest.agreement_sha256,
            is_roster_fresh=True,  # ours is the newest: we issue the timestamps
            unit=PrivacyUnit.PERSON,
            epsilon_total=Decimal(str(self._cost(plan))),  # of this run; a country adds what it released before
            delta=Decimal(str(plan.delta)),
            is_clipped=True,  # by every country; no plan lacks a clip_norm
            is_masked=manifest.aggregation is Aggregation.SECURE,
            cohort=plan.floor,
        )

    def _checked_manifest(self, plan: RunPlan) -> RunManifest:
        now, roster = self._clock(), self._cabinet.roster()
        check_not_expired(roster, now=now)
        keys = roster.keys(KeyRole.NODE)
        for country in plan.participants:
            if country not in self._known or keys.get(country.value) != self._known[country]:
                raise RosterRefused(f"The roster holds another key of {country} than the registry: admit it again.")
        manifest = verify_manifest(load_manifest(self._manifests, plan.run), keys=keys, now=now)
        if manifest.plan != plan:
            raise ManifestRefused("The run's plan is not the one that was signed: plan a new run.")
        return manifest

    def _cost(self, plan: RunPlan) -> float:
        if plan.run not in self._costs:
            events = run_events(plan, self._catalogue.get(plan), rounds=plan.rounds)
            self._costs[plan.run] = epsilon(events, delta=plan.delta)
        return self._costs[plan.run]

    def _timestamp(self) -> bytes:
        now, roster = self._clock(), self._cabinet.roster()
        if self._stamp is None or now - self._stamp[0] > _TIMESTAMP_EVERY or self._stamp[1] != roster.sha256:
            stamp = issue_timestamp(self._cabinet.roster_bytes(), key=self._key, now=now)
            self._stamp = (now, roster.sha256, stamp)
        return self._stamp[2]


def load_manifest(folder: Path, run: str) -> bytes:
    """Return the signed manifest of ``run``. Raises ManifestRefused if none is kept."""
    try:
        return (folder / f"{run}.json").read_bytes()
    except OSError as error:
        raise ManifestRefused("The run has no manifest here: start it with safeborders coordinator start.") from error
