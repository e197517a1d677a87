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
from safeborders.models.architecture import Architecture
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.domain.governance import PURPOSE_CODES, Purpose
from safeborders.models.gnn.perceptron import build_perceptrons
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan, Task, TaskPlan
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.evaluation import write_evaluation
from safeborders.node.learning.examples import Examples, build_case_examples, build_pair_examples
from safeborders.node.learning.outcomes import LEARNING, LearningStore
from safeborders.node.learning.predictions import predict_all
from safeborders.node.learning.released import keep_released
from safeborders.node.learning.suggestions import case_hypotheses, link_suggestions
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.units import AttributedExamples

_log = get_log("learning")


class PlanMismatch(SafeBordersError):
    """A plan names features or an architecture that this node does not have."""

    code: ClassVar[str] = "federation.plan_mismatch"


@dataclass(frozen=True)
class _Prepared:
    """What a run needs in every round, made once for each reading of the records."""

    plan_sha256: str
    mark: str
    examples: Mapping[Task, AttributedExamples]


class NodeTrainer:
    """Trains on one country's database.

    Args:
        store: The country's database.
        evaluation: Folder for files with the predictions of the three models, for people who judge the models at
            home; None writes none.
        released: Folder where the released model and its plan are kept for audits; None keeps none.
        architecture: The released model.
    """

    def __init__(
        self,
        store: LearningStore,
        *,
        evaluation: Path | None = None,
        released: Path | None = None,
        architecture: Architecture = ARCHITECTURE,
    ) -> None:
        self._store = store
        self._evaluation = evaluation
        self._released = released
        self._architecture = architecture
        self._prepared: _Prepared | None = None

    def prepare(self, plan: RunPlan) -> None:
        """Curate the examples of a run; the same ones take part in every round, unless the law takes some away.

        Whoever is restricted, rectified or erased during a run is gone from its next round.

        Raises:
            PlanMismatch: If the plan is for other features or another architecture.
        """
        self._check(plan)
        mark = self._store.snapshot_mark()
        known = self._prepared
        if known is None or (known.plan_sha256, known.mark) != (plan.sha256(), mark):
            records = self._store.load_records(_purpose_of(plan))
            self._prepared = _Prepared(
                plan_sha256=plan.sha256(),
                mark=mark,
                examples={task.task: curate_examples(records, task) for task in plan.tasks},
            )

    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the noisy integer sum of all tasks, in the plan's order; the only thing of this module that may leave.

        Raises:
            PlanMismatch: If the plan is for other features or another architecture.
        """
        self.prepare(plan)
        assert self._prepared is not None  # noqa: S101  # prepare sets it or raises
        modules = build_perceptrons(self._architecture, model)
        parts = [
            private_sum(modules[task.task], self._prepared.examples[task.task], mechanism=task) for task in plan.tasks
        ]
        return np.concatenate(parts)

    def activate(self, plan: RunPlan, model: NDArray[np.float32]) -> None:
        """Make the country's own predictions of the released ``model`` and put them in its database.

        Raises:
            PlanMismatch: If the plan is for other features or another architecture.
        """
        self._check(plan)
        self._prepared = None
        records = self._store.load_records(_purpose_of(plan))
        limits = {task.task: task.examples_per_person for task in plan.tasks}
        modules = build_perceptrons(self._architecture, model)
        cases, links = predict_all(records, modules, examples_per_person=limits)
        self._store.replace_outcomes(
            links=link_suggestions(links) if links else (),
            cases=case_hypotheses(cases) if cases else (),
            run=plan.run,
            model_sha256=sha256_hex(model_to_bytes(model)),
        )
        if self._evaluation is not None:
            keys = self._store.load_source_keys()
            write_evaluation(self._evaluation / f"{plan.run}.json", keys, cases=cases, links=links)
        if self._released is not None:
            keep_released(self._released, plan, model=model)
        _log.info("model_activated", run=plan.run)

    def _check(self, plan: RunPlan) -> None:
        tasks = tuple(task.task for task in plan.tasks)
        if plan.features_sha256 != SPECIFICATION.sha256():
            raise PlanMismatch("The run's plan is for other features than this node has: both need the same version.")
        if plan.architecture_sha256 != self._architecture.sha256() or tasks != tuple(
            task.task for task in self._architecture.tasks
        ):
            raise PlanMismatch("The run's plan is for another model than this node has: both need the same version.")


def _purpose_of(plan: RunPlan) -> Purpose:
    """Only rows for the very purpose of the run are read; a purpose that is not for learning reads none."""
    return PURPOSE_CODES.get(plan.purpose, Purpose(0)) & LEARNING


def curate_examples(records: Records, task: TaskPlan) -> AttributedExamples:
    """Return the examples of one task that may enter training: each person in at most ``examples_per_person``."""
    if task.task is Task.TYPOLOGY:
        examples = build_case_examples(records)
    else:
        examples = build_pair_examples(records, build_person_graph(records)).examples
    return attributed(examples, limit=task.examples_per_person)


def attributed(examples: Examples, *, limit: int) -> AttributedExamples:
    """Return the curated part of ``examples`` in the form that the private engine takes."""
    kept = examples.curated(limit=limit)
    about = examples.attributions.only(kept)
    return AttributedExamples(
        inputs=np.ascontiguousarray(examples.inputs[kept]),
        labels=examples.labels[kept],
        starts=about.starts,
        persons=about.persons,
        examples_per_person=limit,
    )
