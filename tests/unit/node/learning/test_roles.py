"""Role hypotheses at home: what a node serves, when it is silent, and the reasons that it gives."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.gnn.networks import build_network, build_networks
from safeborders.models.protocol.plan import Task
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records, Suspects
from safeborders.node.learning import role_predictions
from safeborders.node.learning.examples import build_role_examples
from safeborders.node.learning.home import MustStayHome
from safeborders.node.learning.predictions import Predictions, predict_all
from safeborders.node.learning.regression import Floats, fit_residual
from safeborders.node.learning.role_predictions import HOME_INPUTS, RolePredictions, predict_roles
from safeborders.node.learning.role_reasons import (
    ABOVE_USUAL,
    LIKELY,
    is_clear,
    is_told,
    role_hypotheses,
    role_shares,
)
from safeborders.node.learning.role_words import WORDS
from sbtest.suspect_country import PARTS, suspect_country

SHAPE: TaskArchitecture = next(task for task in ARCHITECTURE.tasks if task.task is Task.ROLES)


def fitted(*countries: Records) -> NDArray[np.float32]:
    """Return the parameters that a run without noise would release."""
    examples = [build_role_examples(one) for one in countries]
    labels = np.concatenate([one.labels for one in examples])
    inputs = np.concatenate([one.inputs for one in examples]).astype(np.float64)
    found = fit_residual(inputs, np.zeros((len(labels), len(OFFENDING_ROLES))), labels=labels, penalty=1.0)
    return np.concatenate([found.weights.T.ravel(), found.bias]).astype(np.float32)


def predicted(records: Records, parameters: NDArray[np.float32]) -> RolePredictions:
    return predict_roles(records, build_person_graph(records), module=build_network(SHAPE, parameters))


@pytest.fixture(scope="module")
def useful() -> NDArray[np.float32]:
    return fitted(*(suspect_country(seed, cases=60) for seed in (11, 12)))


def truth(seed: int, *, cases: int) -> NDArray[np.int64]:
    return suspect_country(seed, cases=cases, stated=1.0).suspects.role


def test_a_country_with_few_stated_parts_gains_by_the_released_model(useful: NDArray[np.float32]) -> None:
    right = truth(6, cases=40)
    few = suspect_country(6, cases=40, stated=0.06)
    said, silent = predicted(few, useful), few.suspects.role < 0
    local, served = (
        (logits.argmax(axis=1) == right)[silent].mean() for logits in (said.outcome.local, said.outcome.personalised)
    )
    assert said.outcome.chosen.startswith("federated")
    assert served > local + 0.05
    (spoken,) = said.outcome.parts
    assert spoken.released < 1 + 1e-9  # nine stated parts make nobody more certain than the released model is


def test_with_enough_stated_parts_the_countrys_own_guess_stands_and_nothing_disputed_is_told(
    useful: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    country = suspect_country(6, cases=40, stated=0.06)
    heard = predicted(country, useful).outcome
    disputed = heard.personalised.argmax(axis=1) != heard.local.argmax(axis=1)
    assert disputed.sum() > 10, "control: below ENOUGH the released model overturns guesses"
    monkeypatch.setattr(role_predictions, "ENOUGH", 5)
    said = predicted(country, useful)
    assert np.array_equal(said.outcome.personalised.argmax(axis=1), said.outcome.local.argmax(axis=1))
    assert is_told(said).any()
    assert not is_told(said)[disputed].any()


def test_a_released_model_that_misleads_is_refused() -> None:
    wrong = fitted(*(shuffled(suspect_country(seed, cases=60), seed=seed) for seed in (11, 12)))
    said = predicted(suspect_country(5, cases=60), -8 * wrong)
    assert said.outcome.chosen_loss <= said.outcome.local_loss


def shuffled(records: Records, *, seed: int) -> Records:
    roles = np.random.default_rng(seed).permutation(records.suspects.role)
    return replace(records, suspects=replace(records.suspects, role=roles))


def test_a_stated_part_is_never_overridden_and_only_suspects_are_spoken_of(useful: NDArray[np.float32]) -> None:
    records = suspect_country(6)
    said = role_hypotheses(predicted(records, useful))
    suspects = records.suspects
    open_ones = {
        (records.ids["person"][person], records.ids["case"][case])
        for person, case, role in zip(suspects.person, suspects.case, suspects.role, strict=True)
        if role < 0
    }
    assert said
    assert {(one.person_id, one.case_id) for one in said} <= open_ones
    assert {one.role for one in said} <= set(PARTS)


def test_where_nobody_is_a_suspect_nothing_is_said(useful: NDArray[np.float32]) -> None:
    nobody = replace(suspect_country(6), suspects=Suspects())
    assert role_hypotheses(predicted(nobody, useful)) == ()


def test_the_model_is_silent_unless_a_part_is_clearly_likelier_than_usual() -> None:
    usual = np.array([0.5, 0.3, 0.2])
    rows = np.array(
        [
            [0.6, 0.3, 0.1],  # likely, and not above the usual
            [0.7, 0.2, 0.1],  # likely, and twice the odds
            [0.1, 0.2, 0.7],
            [0.3, 0.23, 0.47],  # far above the usual, and not likely
        ]
    )
    assert is_clear(rows, usual=usual).tolist() == [False, True, True, False]
    assert ABOVE_USUAL > 0 < LIKELY


def test_without_any_stated_part_a_model_that_knows_nothing_is_silent() -> None:
    said = predicted(suspect_country(7, stated=0.0), np.zeros(SHAPE.length, dtype=np.float32))
    assert said.outcome.chosen.startswith("federated")
    assert role_hypotheses(said) == ()


def test_shares_add_up_to_the_difference_and_words_fit_what_is_on_record(useful: NDArray[np.float32]) -> None:
    said = predicted(suspect_country(8), useful)
    logits, seen = said.outcome.personalised, set()
    for row in np.flatnonzero(said.labels < 0):
        first, second = np.argsort(-logits[row])[:2]
        shares = role_shares(said, row=int(row), parts=(int(first), int(second)))
        assert shares.sum() == pytest.approx(logits[row, first] - logits[row, second], abs=1e-9)
    for one in role_hypotheses(said):
        assert any(reason.weight > 0 for reason in one.reasons)
        seen |= {reason.text for reason in one.reasons}
    assert set(WORDS) == set(HOME_INPUTS)
    assert any("on record in a scene of" in text for text in seen)
    assert any(text.startswith("not on record in any scene") for text in seen)


def test_every_word_is_about_records_and_none_says_what_somebody_is() -> None:
    words = [text for pair in WORDS.values() for text in pair]
    assert len(set(words)) == len(words)
    assert not [text for text in words if text.startswith(("is ", "he ", "she ")) or "guilty" in text]


def test_predictions_of_roles_stay_home(useful: NDArray[np.float32]) -> None:
    said = predicted(suspect_country(8, cases=4), useful)
    with pytest.raises(MustStayHome):
        np.asarray(said)
    with pytest.raises(MustStayHome):
        list(said)


def said_with(records: Records, *, seed: int) -> Predictions:
    """Return what a country makes of a released model that is random."""
    both = Architecture(tuple(task for task in ARCHITECTURE.tasks if task.task is not Task.LINKS))
    parameters = np.random.default_rng(seed).normal(0, 0.5, both.length).astype(np.float32)
    return predict_all(records, build_networks(both, parameters), examples_per_person=dict.fromkeys(Task, 1))


def test_the_types_that_are_served_are_looked_at() -> None:
    records = suspect_country(9, stated=0.0)
    said = said_with(records, seed=1)
    assert said.cases is not None
    assert said.roles is not None
    shares: Floats = softmax(said.cases.outcome.personalised, axis=1)[records.suspects.case]
    columns = [place for place, name in enumerate(HOME_INPUTS) if name.startswith("type_")]
    assert said.roles.outcome.inputs[:, columns] == pytest.approx(shares)


def test_the_local_model_of_roles_sees_nothing_of_a_released_one_not_even_its_types() -> None:
    records = suspect_country(9)
    records = replace(records, case_type=np.full_like(records.case_type, -1))  # the released model guesses them all
    one, other = (said_with(records, seed=seed) for seed in (1, 2))
    assert one.cases is not None
    assert other.cases is not None
    assert one.roles is not None
    assert other.roles is not None
    assert np.array_equal(one.roles.outcome.local, other.roles.outcome.local)
    assert not np.allclose(one.cases.outcome.personalised, other.cases.outcome.personalised), "control"
    assert not np.allclose(one.roles.outcome.personalised, other.roles.outcome.personalised), "control"
