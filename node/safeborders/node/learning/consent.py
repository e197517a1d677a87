"""Puts a run before the people of this country: what it asks, priced by our own arithmetic, and how it stands."""

from collections.abc import Callable
from typing import Protocol

from safeborders.kit.clock import Clock
from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.models.protocol.manifest import RunManifest
from safeborders.node.consent.inbox import Inbox
from safeborders.node.consent.requests import RunRequest
from safeborders.node.consent.standing import State
from safeborders.node.learning.policy import ApprovedRun
from safeborders.privacy.agreement.standing import Standing
from safeborders.privacy.events import events_to_json


class Consent(Protocol):
    """What people of this country said about a run."""

    def ask(self, manifest: RunManifest, *, run: ApprovedRun) -> State:
        """Return how the run stands at this moment; noted for the operator when it is new."""

    def check_release(self, payload_sha256: str) -> None:
        """Do nothing if these bytes may go. Raises ReleaseHeld if the operator has to look at them first."""


class OperatorConsent:
    """Asks the approval inbox.

    Args:
        country: Our own.
        inbox: Requests and decisions.
        standing: Gives the agreement as it is kept at this moment.
        catalogue: The models that are installed; they say how many numbers an update has.
        clock: The time.
    """

    def __init__(  # house: what a request is made of, and nothing that could be grouped
        self,
        country: Country,
        *,
        inbox: Inbox,
        standing: Callable[[], Standing],
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._country = country
        self._inbox = inbox
        self._standing = standing
        self._catalogue = catalogue
        self._clock = clock

    def ask(self, manifest: RunManifest, *, run: ApprovedRun) -> State:
        """Return how the run stands at this moment; noted for the operator when it is new."""
        plan = manifest.plan
        request = RunRequest(
            manifest_sha256=manifest.sha256(),
            run=plan.run,
            agreement_sha256=manifest.agreement_sha256,
            clause=find_update_clause(self._standing(), country=self._country, purpose=plan.purpose),
            purpose=plan.purpose,
            tasks=tuple(dict.fromkeys(task.task for task in plan.tasks)),
            architecture_sha256=plan.architecture_sha256,
            bundle_sha256=manifest.bundle_sha256,
            epsilon=run.epsilon,
            delta=plan.delta,
            rounds=plan.rounds,
            participants=plan.participants,
            floor=plan.floor,
            aggregation=manifest.aggregation,
            update_length=self._catalogue.get(plan).update_length,
            events=events_to_json(run.events),
            first_seen=self._clock(),
        )
        return self._inbox.ask(request)

    def check_release(self, payload_sha256: str) -> None:
        """Do nothing if these bytes may go. Raises ReleaseHeld if the operator has to look at them first."""
        self._inbox.check_release(payload_sha256)


def find_update_clause(standing: Standing, *, country: Country, purpose: str) -> str:
    """Return the clause of the agreement that grants ``country`` to send updates for ``purpose``; "" if none does."""
    if standing.agreement is None:
        return ""
    clauses = (
        grant.clause
        for grant in standing.agreement.grants
        if grant.material is Material.UPDATE
        and grant.covers(sender=country.value, recipient=COORDINATOR)
        and purpose in grant.purposes
    )
    return next(clauses, "")
