"""Attributed examples keep the promise that the accountant relies on, or do not exist."""

from typing import Any

import numpy as np
import pytest

from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.units import AttributedExamples


def make(**changes: Any) -> AttributedExamples:
    fields: dict[str, Any] = {
        "inputs": np.zeros((3, 2), dtype=np.float32),
        "labels": np.array([0, 1, 1]),
        "starts": np.array([0, 1, 3, 4]),
        "persons": np.array([7, 8, 9, 7]),
        "examples_per_person": 2,
    }
    return AttributedExamples(**{**fields, **changes})


def test_a_person_may_be_part_of_as_many_examples_as_promised() -> None:
    assert make().count == 3


def test_none_at_all_is_a_country_too() -> None:
    empty = np.zeros(0, dtype=np.int64)
    none = make(
        inputs=np.zeros((0, 2), dtype=np.float32), labels=empty, starts=np.zeros(1, dtype=np.int64), persons=empty
    )
    assert none.count == 0


@pytest.mark.parametrize(
    "change",
    [
        {"examples_per_person": 1}, {"inputs": np.zeros((2, 2), dtype=np.float32)}, {"inputs": np.zeros((3, 2))},
        {"inputs": np.zeros(3, dtype=np.float32)}, {"inputs": np.full((3, 2), np.nan, dtype=np.float32)},
        {"inputs": np.full((3, 2), np.inf, dtype=np.float32)}, {"labels": np.array([0, -1, 1])},
        {"labels": np.array([0.0, 1, 1])}, {"labels": np.zeros((3, 1), dtype=np.int64)},
        {"starts": np.array([0, 1, 3])},
        {"starts": np.array([1, 2, 3, 4])}, {"starts": np.array([0, 1, 3, 3])},
        {"starts": np.array([0, 1, 1, 4])},
        {"starts": np.array([0, 3, 1, 4])},
    ],
)  # fmt: skip
def test_a_broken_promise_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnsoundExamples):
        make(**change)


def test_their_representation_tells_no_number() -> None:
    assert repr(make()) == "<AttributedExamples>"
