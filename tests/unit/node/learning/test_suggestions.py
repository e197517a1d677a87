import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safeborders.models.graph.columns import is_denied
from safeborders.models.graph.features import SPECIFICATION
from safeborders.node.learning.suggestions import (
    REASONS_AGAINST,
    REASONS_FOR,
    WORDS,
    effective_weights,
    reasons_of,
)

NAMES = [feature.name for feature in SPECIFICATION.links]
WIDTH = len(NAMES)


def pair_with(*names: str) -> np.ndarray:
    return np.array([float(name in names) for name in NAMES], dtype=np.float32)


def test_every_input_can_be_put_in_words_and_none_speaks_of_what_is_denied() -> None:
    assert set(WORDS) == set(NAMES)
    assert not any(is_denied(sentence.replace(" ", "_")) for words in WORDS.values() for sentence in words)


def test_reasons_name_what_is_there_and_what_is_missing() -> None:
    weights = np.zeros(WIDTH)
    weights[NAMES.index("called")], weights[NAMES.index("shared_case")] = 2.0, 1.0
    typical = np.full(WIDTH, 0.5, dtype=np.float32)
    reasons = reasons_of(pair_with("called"), weights, typical=typical)
    assert [(reason.text, reason.weight) for reason in reasons] == [
        ("their phones called each other", 1.0),
        ("no case in common", -0.5),
    ]


@given(seed=st.integers(0, 500))
def test_reasons_for_are_positive_and_come_first(seed: int) -> None:
    random = np.random.default_rng(seed)
    reasons = reasons_of(
        random.random(WIDTH).astype(np.float32), random.normal(size=WIDTH), typical=np.zeros(WIDTH, dtype=np.float32)
    )
    weights = [reason.weight for reason in reasons]
    assert weights == sorted(weights, reverse=True)
    assert sum(weight > 0 for weight in weights) <= REASONS_FOR
    assert sum(weight < 0 for weight in weights) <= REASONS_AGAINST


def test_the_words_follow_the_scorer() -> None:
    random = np.random.default_rng(1)
    inputs = random.random((300, WIDTH)).astype(np.float32)
    truth = random.normal(size=WIDTH)
    assert np.allclose(effective_weights(inputs @ truth, inputs, penalty=1e-6), truth, atol=0.05)
