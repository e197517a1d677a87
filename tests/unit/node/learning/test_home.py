"""Nothing of stage C can be made into a message; the control, an ordinary value, can."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from safeborders.kit.canonical import canonical_json
from safeborders.node.learning.home import MustStayHome, StaysHome
from safeborders.node.learning.known_links import KnownPairs
from safeborders.node.learning.link_predictions import FittedLinks, LinkPredictions, ScoredPairs
from safeborders.node.learning.link_scores import LinkScorer, LinkScorers
from safeborders.node.learning.link_trees import Trees
from safeborders.node.learning.personalisation import ChosenParts, HomeModel, Prior, ReleasedLogits
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


def test_every_result_of_stage_c_is_of_the_type_and_shows_nothing() -> None:
    links = (KnownPairs, Trees, LinkScorer, LinkScorers, FittedLinks, ScoredPairs, LinkPredictions)
    of_cases = (HomeModel, ChosenParts, Prior, ReleasedLogits)
    of_audits = (Subject, RootedSubject, Finding)
    for kind in (Gated, *of_cases, *of_audits, *links):
        assert issubclass(kind, StaysHome)
    assert repr(gated()) == "<Gated>"


def test_control_an_ordinary_value_gets_out() -> None:
    @dataclass(frozen=True)
    class Ordinary:
        secret: int

    assert copy.copy(Ordinary(3)).secret == 3
    assert pickle.loads(pickle.dumps(Opening(encoder=True, head=False, share=0.3))).share == 0.3  # noqa: S301  # own bytes
