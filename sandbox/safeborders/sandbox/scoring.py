"""How good the predictions of a synthetic country are, measured against the ground truth that no node ever reads."""

import csv
import json
from collections.abc import Mapping, Sequence
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
        changes: How many guesses of the local model the personalised one mends and how many it spoils, by task.
    """

    typology: Mapping[str, float]
    links: Mapping[str, float]
    roles: Mapping[str, float] = field(default_factory=dict)
    role_details: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[str, tuple[int, int]] = field(default_factory=dict)


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
    judged = {}
    if "cases" in document:
        judged["typology"] = _Judged.by(document["cases"], keys=document["cases"]["ids"], truth=truth.types)
    if "roles" in document:
        judged["roles"] = _Judged.by(document["roles"], keys=document["roles"]["persons"], truth=truth.roles)
    return CountryScores(
        typology=judged["typology"].accuracies if "typology" in judged else {},
        links=_score_links(document["links"], truth) if "links" in document else {},
        roles=judged["roles"].accuracies if "roles" in judged else {},
        role_details=_role_details(document["roles"], judged["roles"]) if "roles" in judged else {},
        changes={task: found.changes for task, found in judged.items()},
    )


@dataclass(frozen=True)
class _Judged:
    """Which guesses are right, of those whose truth is known: their rows, the truth, and by model whether it is met."""

    rows: NDArray[np.int64]
    wanted: NDArray[np.str_]
    right: Mapping[str, NDArray[np.bool_]]

    @classmethod
    def by(cls, said: Mapping[str, Any], *, keys: Sequence[str], truth: Mapping[str, str]) -> "_Judged":
        rows = np.array([row for row, key in enumerate(keys) if key in truth], dtype=np.int64)
        wanted = np.array([truth[keys[row]] for row in rows], dtype=np.str_)
        return cls(rows, wanted, {model: np.array(said[model])[rows] == wanted for model in MODELS})

    @property
    def accuracies(self) -> dict[str, float]:
        return {model: _mean(hits) for model, hits in self.right.items()}

    @property
    def changes(self) -> tuple[int, int]:
        local, personalised = self.right["local"], self.right["personalised"]
        return int((personalised & ~local).sum()), int((local & ~personalised).sum())


def _role_details(roles: Mapping[str, Any], judged: _Judged) -> dict[str, float]:
    told = np.array(roles["told"], dtype=np.bool_)[judged.rows]
    parts = np.unique(judged.wanted)
    macro = {
        f"macro_{model}": _mean(np.array([right[judged.wanted == part].mean() for part in parts]))
        for model, right in judged.right.items()
    }
    return macro | {"told": _mean(told), "told_right": _mean(judged.right["personalised"][told])}


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
