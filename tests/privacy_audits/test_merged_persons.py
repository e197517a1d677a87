"""Delete one *person* who is recorded three times: the clipped sum moves by no more than the accountant allows.

The examples come from the real database through the real readers. The control leaves the records unmerged, as if they
were three persons: the same deletion then moves the sum by more than is paid for, and the audit sees it.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from safeborders.models.architecture import STATISTICS, TaskArchitecture
from safeborders.models.domain.countries import Country
from safeborders.models.domain.relations import RelationKind
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import Task
from safeborders.node.graph.records import PERSON
from safeborders.node.learning.examples import build_case_examples
from safeborders.node.resolution_service import Resolution
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.privacy.dpsgd.engine import clipped_sum
from safeborders.privacy.rounding import chunk_slack
from sbtest import doubles
from sbtest.casebook import NOW
from sbtest.doubles import ADULT, ADULT_AGAIN, THIRD
from sbtest.plans import make_task
from sbtest.stores import copied_store

pytestmark = pytest.mark.audit

RECORDS_OF_ONE = (ADULT, ADULT_AGAIN, THIRD)
CLIP_NORM = 0.5
BITS = 16


def movement(store: Store, *, limit: int) -> float:
    """Return how far deleting the person moves the sum of all curated examples, in units of what limit allows."""
    records = SqlLearningStore(store.engine, clock=lambda: NOW).load_records()
    examples = build_case_examples(records)
    kept = examples.curated(limit=limit)
    mine = [place for place, record in enumerate(records.ids[PERSON]) if record in RECORDS_OF_ONE]
    about = examples.attributions
    touches = np.array([bool(np.isin(about.of(example), mine).any()) for example in range(about.count)])
    widths = (examples.inputs.shape[1], 6, len(CASE_TYPES))
    count = sum((narrow + 1) * wide for narrow, wide in pairwise(widths))
    parameters = np.random.default_rng(5).normal(0, 0.7, count).astype(np.float32)
    model = build_perceptron(TaskArchitecture(Task.TYPOLOGY, widths), parameters)

    mechanism = make_task(Task.TYPOLOGY, clip_norm=CLIP_NORM, quantisation_bits=BITS)

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        inputs = (torch.from_numpy(examples.inputs[chosen]),)
        return clipped_sum(model, inputs, labels=examples.labels[chosen], mechanism=mechanism)

    moved = float(np.linalg.norm((total(kept) - total(kept & ~touches)).astype(np.float64)))
    own_weight = 1 + 4 * chunk_slack(positions=1, dimension=count + len(STATISTICS), grid=2**BITS)
    return moved / float(limit * own_weight * 2**BITS)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_person_of_three_records_moves_the_sum_as_one_person(migrated_file: Path, tmp_path: Path, limit: int) -> None:
    with copied_store(doubles.make_template(migrated_file, tmp_path), tmp_path / "node_test.db") as store:
        for number, record in enumerate((*RECORDS_OF_ONE, *RECORDS_OF_ONE)):
            doubles.add_case(store, f"case-{number}")
            doubles.add_link(store, RelationKind.PARTY_TO, (record, f"case-{number}"), role="recruiter")
        unmerged = movement(store, limit=limit)
        resolution = Resolution(store, country=Country.RO, clock=lambda: NOW)
        resolution.accept((ADULT, ADULT_AGAIN), name="Olga", note="seen in person")
        resolution.accept((ADULT_AGAIN, THIRD), name="Olga", note="seen in person")

        assert 0 < movement(store, limit=limit) <= 1 + 1e-9
        assert unmerged > 1.5  # the control
