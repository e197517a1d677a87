import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safeborders.models.architecture import STATISTICS
from safeborders.models.defaults import ARCHITECTURE, DELTA
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.models.domain.governance import Purpose
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan, Task, TaskPlan
from safeborders.models.protocol.vectors import update_to_bytes
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.outcomes import LEARNING
from safeborders.node.learning.trainer import NodeTrainer, PlanMismatch
from safeborders.node.learning.training_parts import attributed, task_examples
from safeborders.privacy.units import AttributedExamples
from sbtest.small_country import InMemoryLearningStore, small_country
from sbtest.task_plans import tiny_task_plans

PLAN = RunPlan(
    federation="test",
    run="run-1",
    purpose="P1",
    rounds=2,
    tasks=tiny_task_plans(),
    delta=DELTA,
    architecture_sha256=ARCHITECTURE.sha256(),
    features_sha256=SPECIFICATION.sha256(),
    participants=DEMONSTRATION,
    floor=2,
    deadline_seconds=10.0,
)
MODEL = ARCHITECTURE.initial_parameters(1)


def curate_examples(records: Records, task: TaskPlan) -> AttributedExamples:
    return attributed(
        task_examples(records, build_person_graph(records), task=task.task), limit=task.examples_per_person
    )


def task_length(records: Records, task: TaskPlan) -> np.ndarray:
    """One number for each example of a task, as an update that leaks their number would hold."""
    return np.zeros(len(curate_examples(records, task).labels), dtype=np.int64)


def test_an_update_has_every_task_in_the_order_of_the_plan() -> None:
    update = NodeTrainer(InMemoryLearningStore(small_country(1))).update(PLAN, MODEL)
    assert update.shape == (ARCHITECTURE.update_length,)
    assert update.dtype == np.int64


def test_a_country_without_any_record_still_sends_noise() -> None:
    empty = small_country(1, groups=0)
    update = NodeTrainer(InMemoryLearningStore(empty)).update(PLAN, MODEL)
    assert np.count_nonzero(update) > 0.9 * len(update)


def test_a_message_is_as_long_whatever_there_is_to_learn_from() -> None:
    """A length that follows the records is an exact count of them (privacy.md 5.15)."""
    countries = [small_country(1, groups=groups) for groups in (0, 3, 30)]
    updates = [NodeTrainer(InMemoryLearningStore(country)).update(PLAN, MODEL) for country in countries]
    assert len({len(update_to_bytes(update)) for update in updates}) == 1
    ragged = [np.concatenate([task_length(country, task) for task in PLAN.tasks]) for country in countries]
    assert len({len(update_to_bytes(update)) for update in ragged}) == 3, "control: one number for each example"


def test_the_sum_of_many_updates_points_where_the_labels_say() -> None:
    trainer = NodeTrainer(InMemoryLearningStore(small_country(1, groups=40, labelled=1.0)))
    quiet = tuple(task.model_copy(update={"noise_multiplier": 0.01, "sampling_rate": 1.0}) for task in PLAN.tasks)
    loud = PLAN.model_copy(update={"tasks": quiet})
    part = trainer.update(loud, MODEL)[: ARCHITECTURE.tasks[0].update_length]
    examples = part[-len(STATISTICS) :][STATISTICS.index("examples")] / 2**16 / 0.2
    assert examples == pytest.approx(
        curate_examples(small_country(1, groups=40, labelled=1.0), loud.tasks[0]).count, abs=1
    )


def test_every_person_is_in_at_most_one_curated_example() -> None:
    for task in PLAN.tasks:
        curated = curate_examples(small_country(2), task)
        assert np.bincount(curated.persons).max() <= task.examples_per_person
        assert curated.count > 0


def test_nobody_in_a_professional_role_is_in_an_example() -> None:
    records = small_country(2)
    for task in PLAN.tasks:
        assert not records.professional[curate_examples(records, task).persons].any()


@pytest.mark.parametrize("field", ["features_sha256", "architecture_sha256"])
def test_a_plan_for_another_version_is_refused_before_any_record_is_read(field: str) -> None:
    class Untouchable(InMemoryLearningStore):
        def load_records(self, purposes: Purpose = LEARNING) -> Records:
            raise AssertionError("records were read")

    trainer = NodeTrainer(Untouchable(small_country(1)))
    other = PLAN.model_copy(update={field: "0" * 64})
    for act in (trainer.prepare, lambda plan: trainer.update(plan, MODEL), lambda plan: trainer.activate(plan, MODEL)):
        with pytest.raises(PlanMismatch):
            act(other)


def test_activation_writes_hypotheses_about_links_cases_and_roles_in_cases_only(tmp_path: Path) -> None:
    records = small_country(3)
    store = InMemoryLearningStore(records)
    NodeTrainer(store, evaluation=tmp_path).activate(PLAN, MODEL)
    unlabelled = {records.ids["case"][index] for index in np.flatnonzero(records.case_type < 0)}
    assert {case.case_id for case in store.cases} == unlabelled
    assert store.links
    assert all(link.first_id < link.second_id and 0 <= link.score <= 1 for link in store.links)
    assert any(link.reasons for link in store.links)
    suspects = records.suspects
    assert {(one.person_id, one.case_id) for one in store.roles} <= {
        (records.ids["person"][person], records.ids["case"][case])
        for person, case in zip(suspects.person, suspects.case, strict=True)
    }
    document = json.loads((tmp_path / "run-1.json").read_text())
    assert set(document) == {"version", "cases", "links", "roles"}
    assert len(document["roles"]["told"]) == (suspects.role < 0).sum()


def test_a_recorded_link_is_never_suggested() -> None:
    records = small_country(3)
    store = InMemoryLearningStore(records)
    NodeTrainer(store).activate(PLAN, MODEL)
    table = build_person_graph(records).associates
    names = {name: place for place, name in enumerate(records.ids["person"])}
    assert not any(table[names[link.first_id], names[link.second_id]] for link in store.links)


def test_activation_gives_the_same_answer_twice() -> None:
    outcomes = []
    for _ in range(2):
        store = InMemoryLearningStore(small_country(4))
        NodeTrainer(store).activate(PLAN, MODEL)
        outcomes.append((store.links, store.cases, store.roles))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("groups", [0, 1])
def test_activation_survives_a_country_with_almost_nothing(groups: int) -> None:
    store = InMemoryLearningStore(small_country(5, groups=groups, labelled=0.0))
    NodeTrainer(store).activate(PLAN, MODEL)
    assert store.runs


def test_a_new_run_and_a_change_of_the_law_curate_anew_and_a_round_does_not() -> None:
    class Counting(InMemoryLearningStore):
        reads = 0

        def load_records(self, purposes: Purpose = LEARNING) -> Records:
            self.reads += 1
            return super().load_records(purposes)

    store = Counting(small_country(6))
    trainer = NodeTrainer(store)
    trainer.update(PLAN, MODEL)
    trainer.update(PLAN, MODEL)
    assert store.reads == 1
    store.mark = "somebody was erased"
    trainer.update(PLAN, MODEL)
    assert store.reads == 2
    trainer.update(PLAN.model_copy(update={"run": "run-2"}), MODEL)
    assert store.reads == 3


def test_a_country_without_labels_has_no_example_of_cases() -> None:
    records = small_country(7, labelled=1.0)
    assert curate_examples(records, PLAN.tasks[0]).count > 0
    assert curate_examples(replace(records, case_type=np.full(len(records.case_type), -1)), PLAN.tasks[0]).count == 0


def test_the_tasks_of_the_defaults_are_the_tasks_of_the_protocol() -> None:
    assert {task.task for task in PLAN.tasks} == set(Task)
