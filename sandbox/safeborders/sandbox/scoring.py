"""How good the predictions of a synthetic country are, measured against the ground truth that no node ever reads."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.learning.scores import area_under_curve

MODELS = ("local", "federated", "personalised")
RANDOM_PER_HIDDEN = 2
HARD_PER_HIDDEN = 2
_SEED = 7


@dataclass(frozen=True)
class CountryScores:
    """Scores of one country, each in [0, 1] or NaN when there is nothing to judge.

    Attributes:
        typology: Accuracy on cases without a human label, by model.
        links: Area under the ROC curve of hidden links against pairs that do not belong together, by model; besides
            the three models ``baseline`` is Adamic and Adar's index.
        roles: Accuracy on suspects whose part nobody stated, by model; empty where roles were not learnt.
        role_details: More about the same: mean accuracy over the parts (``macro_`` and the model), the share of those
            suspects about whom the model is not silent (``told``), and its accuracy on these (``told_right``).
    """

    typology: Mapping[str, float]
    links: Mapping[str, float]
    roles: Mapping[str, float] = field(default_factory=dict)
    role_details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """The ground truth of the world: types of cases, true links, which of them were hidden.

    Attributes:
        types: True type by source key of the case.
        linked: All true links between persons as pairs of source keys.
        hidden: Those that no import file holds.
        roles: True part by source key of the person; it is the same in all cases of this world.
    """

    types: Mapping[str, str]
    linked: frozenset[tuple[str, str]]
    hidden: frozenset[tuple[str, str]]
    roles: Mapping[str, str] = field(default_factory=dict)


def load_truth(folder: Path) -> Truth:
    """Read the ground truth in ``folder``; keys are unique over all countries. Noise links are nobody's truth."""
    with (folder / "gt_cases.csv").open(encoding="utf-8", newline="") as file:
        types = {row["case"]: row["type"] for row in csv.DictReader(file) if row["type"] in CASE_TYPES}
    with (folder / "gt_links.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["planted"] == "1"]
    with (folder / "gt_persons.csv").open(encoding="utf-8", newline="") as file:
        roles = {row["person"]: row["role"] for row in csv.DictReader(file) if row["role"] in OFFENDING_ROLES}
    return Truth(
        types=types,
        linked=frozenset((row["src"], row["dst"]) for row in rows),
        hidden=frozenset((row["src"], row["dst"]) for row in rows if row["hidden"] == "1"),
        roles=roles,
    )


def score_country(evaluation: Path, truth: Truth) -> CountryScores:
    """Score the predictions in the file that a node left at home."""
    document: Mapping[str, Any] = json.loads(evaluation.read_text(encoding="utf-8"))
    return CountryScores(
        typology=_score_cases(document["cases"], truth) if "cases" in document else {},
        links=_score_links(document["links"], truth) if "links" in document else {},
        roles=_score_roles(document["roles"], truth) if "roles" in document else {},
        role_details=_role_details(document["roles"], truth) if "roles" in document else {},
    )


def _score_cases(cases: Mapping[str, Any], truth: Truth) -> dict[str, float]:
    known = [place for place, key in enumerate(cases["ids"]) if truth.types.get(key) in CASE_TYPES]  # not the atypical
    wanted = [truth.types[cases["ids"][place]] for place in known]
    return {
        model: float(np.mean([cases[model][place] == right for place, right in zip(known, wanted, strict=True)]))
        if known
        else float("nan")
        for model in MODELS
    }


def _score_roles(roles: Mapping[str, Any], truth: Truth) -> dict[str, float]:
    wanted, known = _true_roles(roles, truth)
    return {model: _mean(np.array(roles[model])[known] == wanted) for model in MODELS}


def _role_details(roles: Mapping[str, Any], truth: Truth) -> dict[str, float]:
    wanted, known = _true_roles(roles, truth)
    right = {model: np.array(roles[model])[known] == wanted for model in MODELS}
    told = np.array(roles["told"], dtype=np.bool_)[known]
    parts = np.unique(wanted)
    macro = {f"macro_{m}": _mean(np.array([right[m][wanted == part].mean() for part in parts])) for m in MODELS}
    return macro | {"told": _mean(told), "told_right": _mean(right["personalised"][told])}


def _true_roles(roles: Mapping[str, Any], truth: Truth) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    known = [place for place, key in enumerate(roles["persons"]) if key in truth.roles]
    return np.array([truth.roles[roles["persons"][place]] for place in known]), np.array(known, dtype=np.int64)


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _score_links(links: Mapping[str, Any], truth: Truth) -> dict[str, float]:
    """Rank hidden links among strangers and near misses of the same country.

    A pair without anything in common is no candidate of any model; it gets the model's score of such a pair.
    """
    place = {key: index for index, key in enumerate(links["persons"])}
    candidates = {pair: row for row, pair in enumerate(zip(links["first"], links["second"], strict=True))}
    linked = {_ordered(place[a], place[b]) for a, b in truth.linked if a in place and b in place}
    hidden = sorted({_ordered(place[a], place[b]) for a, b in truth.hidden if a in place and b in place})
    negatives = _negatives(sorted(candidates), linked, persons=len(place), hidden=len(hidden))
    rows = np.array([candidates.get(pair, -1) for pair in (*hidden, *negatives)], dtype=np.int64)
    labels = (np.arange(len(rows)) < len(hidden)).astype(np.int64)
    return {model: area_under_curve(_scores(links, model, rows), labels) for model in (*MODELS, "baseline")}


def _scores(links: Mapping[str, Any], model: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    scores = np.array([*links[model], links["floor"][model]], dtype=np.float64)  # row -1 is the last: the floor
    found: NDArray[np.float64] = scores[rows]
    return found


def _negatives(
    candidates: list[tuple[int, int]], linked: set[tuple[int, int]], *, persons: int, hidden: int
) -> list[tuple[int, int]]:
    random = np.random.default_rng(_SEED)
    hard = [pair for pair in candidates if pair not in linked]
    chosen = [hard[index] for index in random.permutation(len(hard))[: HARD_PER_HIDDEN * hidden]]
    while len(chosen) < (HARD_PER_HIDDEN + RANDOM_PER_HIDDEN) * hidden and persons > 2:
        a, b = (int(person) for person in random.integers(0, persons, 2))
        if a != b and _ordered(a, b) not in linked:
            chosen.append(_ordered(a, b))
    return chosen


def _ordered(first: int, second: int) -> tuple[int, int]:
    return (first, second) if first < second else (second, first)
