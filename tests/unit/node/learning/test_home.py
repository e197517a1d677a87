"""Nothing of stage C can be made into a message; the control, an ordinary value, can."""

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass

import numpy as np
import pytest

from safeborders.kit.canonical import canonical_json
from safeborders.node.learning import (
    candidates,
    hiding,
    home_model,
    known_links,
    link_predictions,
    link_scores,
    link_trees,
    outcomes,
    personalisation,
    predictions,
    regression,
    relational_gate,
    role_predictions,
)
from safeborders.node.learning.candidates import Candidate
from safeborders.node.learning.hiding import Hidden
from safeborders.node.learning.home import MustStayHome, StaysHome
from safeborders.node.learning.link_scores import LinkProblem
from safeborders.node.learning.outcomes import Reason
from safeborders.node.learning.privacy_audits.battery import Finding
from safeborders.node.learning.privacy_audits.subject import RootedSubject, Subject
from safeborders.node.learning.relational_gate import Gated, Opening

WAYS: tuple[Callable[..., object], ...] = (pickle.dumps, copy.copy, copy.deepcopy, bytes, np.asarray, list, dict)


def gated() -> Gated:
    return Gated(np.zeros((2, 2)), np.zeros((2, 2)), Opening(encoder=True, head=False, share=0.0), 0.1, 0.1)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_into_bytes(way: Callable[..., object]) -> None:
    with pytest.raises(MustStayHome):
        way(gated())


@pytest.mark.parametrize("encode", [json.dumps, canonical_json])
def test_no_way_into_json(encode: Callable[[object], object]) -> None:
    with pytest.raises((TypeError, ValueError, MustStayHome)):
        encode({"payload": gated()})


PLAIN = {
    Candidate: "public settings",
    Opening: "public settings",
    Reason: "words of the product",
    LinkProblem: "what one call is told",
    Hidden: "what one call is told",
}
"""What need not be of the type, and why."""


def made_at_home() -> Iterator[type]:
    """Yield every value that a module of stage C, or of the audits' subjects, defines."""
    of_links = (known_links, link_predictions, link_scores, link_trees, hiding)
    of_cases = (home_model, candidates, personalisation, regression, relational_gate, predictions, role_predictions)
    for module in (*of_cases, outcomes, *of_links):
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__ and is_dataclass(kind):
                yield kind


def test_every_result_of_stage_c_is_of_the_type_and_shows_nothing() -> None:
    kinds = [*made_at_home(), Subject, RootedSubject, Finding]
    forgotten = [kind.__name__ for kind in kinds if not issubclass(kind, StaysHome) and kind not in PLAIN]
    assert forgotten == []
    assert [kind.__name__ for kind in kinds if kind not in PLAIN and "__repr__" in vars(kind)] == []
    assert len(kinds) > 20  # control: they were found
    assert repr(gated()) == "<Gated>"


def test_control_an_ordinary_value_gets_out() -> None:
    @dataclass(frozen=True)
    class Ordinary:
        secret: int

    assert copy.copy(Ordinary(3)).secret == 3
    assert pickle.loads(pickle.dumps(Opening(encoder=True, head=False, share=0.3))).share == 0.3  # noqa: S301  # own bytes
