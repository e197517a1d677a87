import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safeborders.models.graph.columns import is_denied
from safeborders.models.graph.features import SPECIFICATION
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.learning.known_links import table_columns
from safeborders.node.learning.link_words import FACTORS, HOME_WORDS, WORDS, factor_of
from safeborders.node.learning.suggestions import REASONS_AGAINST, REASONS_FOR, reasons_of
from sbtest.small_country import small_country

NAMES = [feature.name for feature in SPECIFICATION.links]


def test_every_input_can_be_put_in_words_and_none_speaks_of_what_is_denied() -> None:
    known = set(WORDS) | set(HOME_WORDS)
    columns = table_columns(build_person_graph(small_country(1)))
    assert {factor_of(name) for name in (*NAMES, *columns)} <= known
    assert set(FACTORS) == known
    assert not any(
        is_denied(sentence.replace(" ", "_")) for words in (WORDS | HOME_WORDS).values() for sentence in words
    )


def test_reasons_name_what_is_there_and_what_is_missing() -> None:
    shares, present = np.zeros(len(FACTORS)), np.zeros(len(FACTORS), dtype=np.bool_)
    shares[FACTORS.index("called")], shares[FACTORS.index("shared_case")] = 1.0, -0.5
    present[FACTORS.index("called")] = True
    reasons = reasons_of(shares, present)
    assert [(reason.text, reason.weight) for reason in reasons] == [
        ("their phones called each other", 1.0),
        ("no case in common", -0.5),
    ]


@given(seed=st.integers(0, 500))
def test_reasons_for_are_positive_and_come_first(seed: int) -> None:
    random = np.random.default_rng(seed)
    reasons = reasons_of(random.normal(size=len(FACTORS)), random.random(len(FACTORS)) < 0.5)
    weights = [reason.weight for reason in reasons]
    assert weights == sorted(weights, reverse=True)
    assert sum(weight > 0 for weight in weights) <= REASONS_FOR
    assert sum(weight < 0 for weight in weights) <= REASONS_AGAINST
