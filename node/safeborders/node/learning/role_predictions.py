"""Stage C for roles: the released model, the parts that people stated, and the place in the case; all stays home."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.gnn.perceptron import logits_of
from safeborders.models.graph.features import ROLE_FEATURES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.graph.circles import CIRCLE_INPUTS, circle_inputs
from safeborders.node.graph.persons import PersonGraph
from safeborders.node.graph.ranking import keyed_folds
from safeborders.node.graph.records import CASE, PERSON, Records
from safeborders.node.graph.suspects import role_inputs
from safeborders.node.learning.candidates import FOLDS
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.home_model import TEMPERATURES, HomeModel, HomeProblem, ReleasedLogits
from safeborders.node.learning.linear import linear_part
from safeborders.node.learning.personalisation import personalise
from safeborders.node.learning.regression import Floats

HOME_INPUTS: tuple[str, ...] = (*(feature.name for feature in ROLE_FEATURES), *CIRCLE_INPUTS)
"""What stage C looks at: the released model's inputs, then the place among the people of the case."""


ENOUGH = 50
"""Stated parts from which a country's own model is to be trusted: it may sharpen what it says, and its guess stands."""
OWN_GUESS = 0.2
"""How much more, in nats, the part counts that the country's own records alone point to: more of it would tell parts as
clear that are not (docs/decisions/0207)."""


@dataclass(frozen=True, eq=False, repr=False)
class RolePredictions(StaysHome):
    """Logits of all suspects of cases by three models, and what explains them; one row per suspect and case.

    Attributes:
        persons: Our identifiers of the suspects.
        cases: Those of the cases.
        labels: Position of the part that a human stated, -1 without one.
        federated: Logits of the released model.
        outcome: The local and the chosen model.
        linear: Weights of the released model over ``HOME_INPUTS`` and, in the last row, its bias.
        usual: Share of each part among those that people of this country stated, each counted once more.
    """

    persons: tuple[str, ...]
    cases: tuple[str, ...]
    labels: NDArray[np.int64]
    federated: Floats
    outcome: HomeModel
    linear: Floats
    usual: Floats


@dataclass(frozen=True, eq=False, repr=False)
class LikelyTypes(StaysHome):
    """How likely each type is for each case, human labels included, :math:`(cases, types)`.

    Attributes:
        alone: By the country's own records alone.
        served: By what it serves, the released model included.
    """

    alone: Floats
    served: Floats

    @classmethod
    def of(cls, cases: HomeModel) -> "LikelyTypes":
        """Return what stage C made of the types of all cases."""
        alone, served = (np.asarray(softmax(logits, axis=1)) for logits in (cases.local, cases.personalised))
        return cls(alone, served)


def predict_roles(
    records: Records, graph: PersonGraph, *, module: nn.Module, case_types: LikelyTypes | None = None
) -> RolePredictions:
    """Predict the part of every suspect in the case with the local, the federated and the chosen model.

    The local one sees the types of cases as the country alone would guess them, the chosen one as they are served.

    Args:
        records: The country's records.
        graph: The same, projected on persons.
        module: The released network.
        case_types: How likely each type is for each case; what humans stated when left out.
    """
    suspects, own = records.suspects, role_inputs(records)
    types = _stated_types(records) if case_types is None else case_types
    persons = tuple(records.ids[PERSON][place] for place in suspects.person)
    alone, served = (
        np.concatenate([own.astype(np.float64), circle_inputs(records, graph, case_types=seen)], axis=1)
        for seen in (types.alone, types.served)
    )
    is_enough = bool((suspects.role >= 0).sum() >= ENOUGH)
    problem = HomeProblem(
        inputs=served,
        labels=suspects.role,
        folds=keyed_folds(persons, count=FOLDS),
        classes=len(OFFENDING_ROLES),
        shares=(0.0,),  # who acts together plays different parts: nothing spreads
        temperatures=tuple(one for one in TEMPERATURES if one >= 1 or is_enough),
        own_guess=OWN_GUESS,
        guess_stands=is_enough,
    )
    federated = logits_of(module, own).astype(np.float64)
    linear = linear_part(module, width=own.shape[1])
    counted = 1 + np.bincount(suspects.role[suspects.role >= 0], minlength=len(OFFENDING_ROLES))
    return RolePredictions(
        persons=persons,
        cases=tuple(records.ids[CASE][place] for place in suspects.case),
        labels=suspects.role,
        federated=federated,
        outcome=personalise(problem, ReleasedLogits(own=federated), alone=replace(problem, inputs=alone)),
        linear=np.concatenate([linear[:-1], np.zeros((len(CIRCLE_INPUTS), len(OFFENDING_ROLES))), linear[-1:]]),
        usual=counted / counted.sum(),
    )


def _stated_types(records: Records) -> LikelyTypes:
    known: Floats = np.equal(records.case_type[:, None], np.arange(len(CASE_TYPES))).astype(np.float64)
    return LikelyTypes(known, known)
