"""A node's part in a run: one private update per round, and its own predictions at the end, which stay home.

The caller (the round service) has verified the plan, applied the country's policy and charged the ledger before
``update`` is called, and calls it once per charge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.logs import get_log
from safeborders.models.architecture import Architecture, Catalogue
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.governance import PURPOSE_CODES, Purpose
from safeborders.models.gnn.networks import build_networks
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.learning.evaluation import write_evaluation
from safeborders.node.learning.outcomes import LEARNING, LearningStore, Outcomes
from safeborders.node.learning.predictions import predict_all
from safeborders.node.learning.released import keep_released
from safeborders.node.learning.role_reasons import role_hypotheses
from safeborders.node.learning.suggestions import case_hypotheses, link_suggestions
from safeborders.node.learning.training_parts import TrainingPart, build_parts

_log = get_log("learning")


class PlanMismatch(SafeBordersError):
    """A plan names features or an architecture that this node does not have."""

    code: ClassVar[str] = "federation.plan_mismatch"


@dataclass(frozen=True)
class _Prepared:
    """What a run needs in every round, made once for each reading of the records."""

    plan_sha256: str
    mark: str
    parts: Mapping[str, TrainingPart]


class NodeTrainer:
    """Trains on one country's database.

    Args:
        store: The country's database.
        evaluation: Folder for files with the predictions of the three models, for people who judge the models at
            home; None writes none.
        released: Folder where the released model and its plan are kept for audits; None keeps none.
        catalogue: The models that can be trained.
    """

    def __init__(
        self,
        store: LearningStore,
        *,
        evaluation: Path | None = None,
        released: Path | None = None,
        catalogue: Catalogue = CATALOGUE,
    ) -> None:
        self._store = store
        self._evaluation = evaluation
        self._released = released
        self._catalogue = catalogue
        self._prepared: _Prepared | None = None

    def prepare(self, plan: RunPlan) -> None:
        """Curate the examples of a run; the same ones take part in every round, unless the law takes some away.

        Whoever is restricted, rectified or erased during a run is gone from its next round.

        Raises:
            PlanMismatch: If the plan is for other features or another architecture.
        """
        architecture = self._find(plan)
        mark = self._store.snapshot_mark()
        known = self._prepared
        if known is None or (known.plan_sha256, known.mark) != (plan.sha256(), mark):
            records = self._store.load_records(_purpose_of(plan))
            self._prepared = _Prepared(
                plan_sha256=plan.sha256(),
                mark=mark,
                parts=build_parts(records, plan, architecture=architecture),
            )

    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the noisy integer sum of all networks, in the plan's order; the only thing that may leave.

        Raises:
            PlanMismatch: If the plan is for other features or another architecture.
        """
        self.prepare(plan)
        assert self._prepared is not None  # noqa: S101  # prepare sets it or raises
        networks = build_networks(self._find(plan), model)
        return np.concatenate([self._prepared.parts[task.name].update(networks) for task in plan.tasks])

    def activate(self, plan: RunPlan, model: NDArray[np.float32]) -> None:
        """Make the country's own predictions of the released ``model`` and put them in its database.

        Raises:
            PlanMismatch: If the plan is for other features or another architecture.
        """
        networks = build_networks(self._find(plan), model)
        self._prepared = None
        records = self._store.load_records(_purpose_of(plan))
        limits = {task.task: task.examples_per_person for task in plan.tasks}
        said = predict_all(records, networks, examples_per_person=limits)
        outcomes = Outcomes(
            links=link_suggestions(said.links) if said.links else (),
            cases=case_hypotheses(said.cases) if said.cases else (),
            roles=role_hypotheses(said.roles) if said.roles else (),
        )
        self._store.replace_outcomes(outcomes, run=plan.run, model_sha256=sha256_hex(model_to_bytes(model)))
        if self._evaluation is not None:
            keys = self._store.load_source_keys()
            write_evaluation(self._evaluation / f"{plan.run}.json", keys, predictions=said)
        if self._released is not None:
            keep_released(self._released, plan, model=model)
        _log.info("model_activated", run=plan.run)

    def _find(self, plan: RunPlan) -> Architecture:
        if plan.features_sha256 != SPECIFICATION.sha256():
            raise PlanMismatch("The run's plan is for other features than this node has: both need the same version.")
        architecture = self._catalogue.find(plan)
        if architecture is None:
            raise PlanMismatch("The run's plan is for another model than this node has: both need the same version.")
        return architecture


def _purpose_of(plan: RunPlan) -> Purpose:
    """Only rows for the very purpose of the run are read; a purpose that is not for learning reads none."""
    return PURPOSE_CODES.get(plan.purpose, Purpose(0)) & LEARNING
