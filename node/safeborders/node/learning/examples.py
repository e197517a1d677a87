"""Training examples of all tasks, each with the persons that it is about."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from safeborders.models.graph.features import NO, UNKNOWN, YES
from safeborders.node.graph.pairs import Pairs, candidate_pairs, contains, pair_inputs
from safeborders.node.graph.persons import PARTY, PersonGraph, curated_association
from safeborders.node.graph.ranking import CURATION_KEY, keyed_ranks, pair_identifiers
from safeborders.node.graph.records import CASE, PERSON, Records, Relation
from safeborders.node.graph.suspects import role_inputs
from safeborders.node.learning.attribution import Attributions, bound_contributions

HARD_PER_POSITIVE = 2
RANDOM_PER_POSITIVE = 1


@dataclass(frozen=True)
class Examples:
    """Examples of one task.

    Attributes:
        inputs: One row per example, :math:`(N, F)`, float32.
        labels: Class of each example, :math:`(N,)`.
        attributions: The persons of each example.
        ranks: Public keyed hash of each example.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    attributions: Attributions
    ranks: NDArray[np.uint64]

    def curated(self, *, limit: int) -> NDArray[np.bool_]:
        """Return which examples take part in federated training: at most ``limit`` about any person."""
        return bound_contributions(self.attributions, limit=limit, ranks=self.ranks)


@dataclass(frozen=True)
class PairExamples:
    """Examples of the link task with the two persons of each."""

    examples: Examples
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def case_inputs(records: Records) -> NDArray[np.float32]:
    """Return the inputs of every case: one per indicator, public constants for yes, no and unknown."""
    values = records.indicators
    scaled = np.where(np.isnan(values), UNKNOWN, np.where(values > 0, YES, NO))
    return scaled.astype(np.float32)


def build_case_examples(records: Records) -> Examples:
    """Build one example per labelled case, about all persons whom ``case_attributions`` names."""
    labelled = records.case_type >= 0
    return Examples(
        inputs=case_inputs(records)[labelled],
        labels=records.case_type[labelled],
        attributions=case_attributions(records).only(labelled),
        ranks=keyed_ranks(records.ids.get(CASE, ()), key=CURATION_KEY)[labelled],
    )


def build_case_nodes(records: Records, *, limit: int) -> NDArray[np.int64]:
    """Return the cases that take part in rooted training, labelled or not: at most ``limit`` about any person.

    Labelled cases come first, so that the roots are the same cases that the encoder learns from.
    """
    ranks = keyed_ranks(records.ids.get(CASE, ()), key=CURATION_KEY)
    later = np.where(records.case_type >= 0, 0, 1 << 63).astype(np.uint64)
    return np.flatnonzero(
        bound_contributions(case_attributions(records), limit=limit, ranks=(ranks >> np.uint64(1)) | later)
    )


def build_role_examples(records: Records) -> Examples:
    """Build one example per suspect of a case whose part a human stated, about that person alone."""
    suspects = records.suspects
    stated = suspects.role >= 0
    persons, cases = suspects.person[stated], suspects.case[stated]
    names = [
        f"{records.ids[PERSON][person]}@{records.ids[CASE][case]}" for person, case in zip(persons, cases, strict=True)
    ]
    return Examples(
        inputs=role_inputs(records)[stated],
        labels=suspects.role[stated],
        attributions=Attributions.of_pairs(np.arange(len(persons)), persons, count=len(persons)),
        ranks=keyed_ranks(names, key=CURATION_KEY),
    )


def case_attributions(records: Records) -> Attributions:
    """Return whom each case is about: all parties and all who were in one of its episodes, but no professional."""
    about: list[Pairs] = []
    for relation in (*records.of_kind(PARTY), *_involvements(records)):
        usable = (relation.role != "professional") & ~records.professional[relation.source]
        about.append((relation.target[usable], relation.source[usable]))
    cases, persons = _concatenated(about)
    return Attributions.of_pairs(cases, persons, count=records.count(CASE))


def _involvements(records: Records) -> list[Relation]:
    """Return the persons of the cases' episodes as if they were parties."""
    case_of = np.full(records.count("episode"), -1, dtype=np.int64)
    for relation in records.of_kind("HAS_EPISODE"):
        case_of[relation.target] = relation.source
    found = []
    for relation in records.of_kind("INVOLVED_IN"):
        known = relation.where(case_of[relation.target] >= 0)
        found.append(replace(known, target_type=CASE, target=case_of[known.target]))
    return found


def build_pair_examples(records: Records, graph: PersonGraph) -> PairExamples:
    """Build the examples of the link task: curated links, near misses and strangers, about both and their witnesses."""
    linked = curated_association(records)
    hard = _hard_negatives(records, graph, count=HARD_PER_POSITIVE * len(linked[0]))
    strangers = _strangers(records, graph, count=RANDOM_PER_POSITIVE * len(linked[0]))
    first, second = (np.concatenate(side) for side in zip(linked, hard, strangers, strict=True))
    count = len(first)
    inputs = pair_inputs(graph, (first, second))
    every = np.arange(count)
    identifiers = _identifiers(records, first, second)
    attributions = Attributions.of_pairs(
        np.concatenate([every, every, inputs.witnessed]),
        np.concatenate([first, second, inputs.witnesses]),
        count=count,
    )
    examples = Examples(
        inputs=inputs.inputs,
        labels=(every < len(linked[0])).astype(np.int64),
        attributions=attributions,
        ranks=keyed_ranks(identifiers, key=CURATION_KEY),
    )
    return PairExamples(examples=examples, first=first, second=second)


def _identifiers(records: Records, first: NDArray[np.int64], second: NDArray[np.int64]) -> list[str]:
    names = records.ids.get(PERSON, ())
    return pair_identifiers([names[index] for index in first], [names[index] for index in second])


def _hard_negatives(records: Records, graph: PersonGraph, *, count: int) -> Pairs:
    """Pairs that have something in common and are not linked; the first ones in the public order."""
    first, second = candidate_pairs(graph)
    free = ~contains(graph.associates, (first, second))
    first, second = first[free], second[free]
    ranks = keyed_ranks(_identifiers(records, first, second), key=CURATION_KEY)
    chosen = np.sort(np.argsort(ranks, kind="stable")[:count])
    return first[chosen], second[chosen]


def _strangers(records: Records, graph: PersonGraph, *, count: int) -> Pairs:
    """Pairs of persons who follow each other in a public order that means nothing."""
    members = np.flatnonzero(~records.professional)
    names = [records.ids[PERSON][index] for index in members]
    found: list[Pairs] = []
    for turn in range(-(-count // max(len(members) - 1, 1)) if len(members) > 1 else 0):
        ring = members[np.argsort(keyed_ranks(names, key=b"strangers %d" % turn), kind="stable")]
        found.append((np.minimum(ring[:-1], ring[1:]), np.maximum(ring[:-1], ring[1:])))
    first, second = _concatenated(found)
    free = ~contains(graph.associates, (first, second))
    return first[free][:count], second[free][:count]


def _concatenated(
    parts: list[Pairs],
) -> Pairs:
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    first, second = zip(*parts, strict=True)
    return np.concatenate(first), np.concatenate(second)
