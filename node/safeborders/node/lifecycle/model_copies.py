"""E9 at a node: copies of the federation's models are deleted when the agreement no longer covers them.

That is when their retention is over, when the agreement ended or was replaced by one without such a grant, and when the
country's own evidence speaks against a model. Each decision is in the journal before its copy is gone.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from safeborders.kit.clock import Clock
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.models.protocol.plan import RunPlan
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Store
from safeborders.node.storage.ledger_store import SqlActivationStore
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.conditions import PrivacyUnit
from safeborders.privacy.agreement.decisions import Point
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.retention import Copy, purge_overdue

_ACTOR = "nightly"


class ModelCopies:
    """The released models that a node keeps, as ``agreement.retention.CopyStore``.

    Args:
        folder: Where they are kept.
        store: The country's database; it knows since when each is in use.
        cabinet: Holds the country's own evidence.
        country: Our own.
        clock: The time.
    """

    def __init__(self, folder: Path, *, store: Store, cabinet: Cabinet, country: Country, clock: Clock) -> None:
        self._folder = folder
        self._activations = SqlActivationStore(store.engine)
        self._audit = SqlAuditLog(store.engine)
        self._refuted = {one.model_sha256 for one in cabinet.own_evidence(country) if not one.is_complete}
        self._clock = clock

    def list_copies(self) -> Sequence[Copy]:
        """Return every model that is kept, with the time at which it was first put into use."""
        since = self._activations.first_activated()
        kept = [path.stem for path in sorted(self._folder.glob("*.json")) if path.with_suffix(".model").exists()]
        return [self._copy(name, since=since[name]) for name in kept if name in since]

    def purge(self, reference: str) -> None:
        """Delete a model for good, the weights first; a row of the audit log tells of it before."""
        event = AuditEvent(Operation.ERASURE, action="model.purge", actor=_ACTOR, facts={"model": reference})
        self._audit.record(event, at=self._clock())
        for ending in (".model", ".json"):
            (self._folder / f"{reference}{ending}").unlink(missing_ok=True)

    def _copy(self, name: str, *, since: datetime) -> Copy:
        plan = RunPlan.model_validate_json((self._folder / f"{name}.json").read_bytes())
        # It came in under a decision of E2, so what was asked for then was there; what was found since counts now.
        facts = Facts(
            point=Point.RETENTION, run=plan.run, unit=PrivacyUnit.PERSON, has_evidence=name not in self._refuted
        )
        return Copy(name, Material.MODEL, COORDINATOR, plan.purpose, since, facts)


def purge_models(copies: ModelCopies, *, engine: PolicyEngine, clock: Clock) -> int:
    """Delete the models that the agreement no longer covers and return how many they were."""
    return len(purge_overdue(engine, copies, clock=clock))
