"""Leads for people: which links may be missing, and why; with what speaks against, so that nobody follows blindly."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.graph.predictors import PREDICTORS
from safeborders.node.learning.case_reasons import case_reasons
from safeborders.node.learning.outcomes import CaseTypeHypothesis, Reason, SuggestedLink
from safeborders.node.learning.predictions import CasePredictions, LinkPredictions
from safeborders.node.learning.regression import Floats

SUGGESTIONS_PER_LINK = 0.5
"""Suggestions per recorded link; a list that nobody can read helps nobody."""
REASONS_FOR = 3
REASONS_AGAINST = 1
_NEGLIGIBLE = 0.01  # of the log-odds

WORDS: dict[str, tuple[str, str]] = {
    "shared_phone": ("both used the same phone", "no phone in common"),
    "shared_account": ("both used the same online account", "no online account in common"),
    "shared_financial": ("both used the same financial account", "no financial account in common"),
    "shared_vehicle": ("both used the same vehicle", "no vehicle in common"),
    "shared_document": ("both bore the same identity document", "no identity document in common"),
    "shared_place": ("both stayed at the same place", "no place in common"),
    "shared_organisation": ("both worked for the same organisation", "no organisation in common"),
    "called": ("their phones called each other", "no call between their phones"),
    "contacted": ("their online accounts were in contact", "no contact between their online accounts"),
    "paid": ("money went between their accounts", "no payment between their accounts"),
    "shared_case": ("both are parties to the same case", "no case in common"),
    "shared_episode": ("both were involved in the same episode", "no episode in common"),
    "same_side": ("they stand on the same side of a case", "they never stood on the same side of a case"),
    "offender_and_victim": (
        "one is a victim in a case in which the other is not",
        "no case with one as victim and the other as offender",
    ),
    "common_associate": ("both are linked with the same person", "no known person is linked with both"),
    "common_contact": ("both were in contact with the same person", "nobody was in contact with both"),
    "time_overlap": ("they were active at the same time", "they were active at different times"),
}
"""What each input means when it is there and when it is not."""


HOME_WORDS: dict[str, tuple[str, str]] = {
    "rare_bridge": ("what they have in common few others have", "what they have in common many others have"),
    "mixed_path": (
        "an associate of one shares something with the other",
        "no associate of one has to do with the other",
    ),
    "well_linked": ("how many links the two have", "how many links the two have"),
}
"""What is looked at only at home, in words of its own."""

FACTORS = (*(feature.name for feature in SPECIFICATION.links), *HOME_WORDS)
_FACTOR_OF: dict[str, str] = {
    "adamic_adar_associates": "common_associate",
    "adamic_adar_bridges": "rare_bridge",
    "adamic_adar_cases": "shared_case",
    "adamic_adar_contacts": "common_contact",
    "jaccard_associates": "common_associate",
    "mixed_paths": "mixed_path",
    "log_degree_product": "well_linked",
    "log_degree_sum": "well_linked",
}


def reasons_of(shares: Floats, present: NDArray[np.bool_]) -> tuple[Reason, ...]:
    """Put one pair's shares in words: what speaks most for the link, then what most against.

    Args:
        shares: Share of each of ``FACTORS`` in the pair's score.
        present: Whether the pair has it.
    """
    order = np.argsort(-shares, kind="stable")
    chosen = [index for index in order[:REASONS_FOR] if shares[index] > _NEGLIGIBLE]
    chosen += [index for index in order[-REASONS_AGAINST:] if shares[index] < -_NEGLIGIBLE]
    words = WORDS | HOME_WORDS
    return tuple(
        Reason(text=words[FACTORS[index]][0 if present[index] else 1], weight=round(float(shares[index]), 3))
        for index in chosen
    )


def link_shares(links: LinkPredictions) -> Floats:
    """Return how far each factor moves each pair's score from the mean of all candidate pairs, :math:`(N, factors)`.

    The scorer is linear in inputs and predictors, so the shares of a pair add up to its score less the mean score.
    """
    scorer, width = links.outcome.personalised, links.inputs.shape[1]
    slopes = scorer.residual.weights[:, 1] - scorer.residual.weights[:, 0]
    inputs = slopes[:width] + (links.prior[:-1, 1] - links.prior[:-1, 0] if scorer.federated else 0.0)
    shares = np.zeros((len(links.inputs), len(FACTORS)))
    shares[:, :width] = _centred(links.inputs.astype(np.float64)) * inputs
    for name, column, slope in zip(PREDICTORS, _centred(links.home).T, slopes[width:], strict=True):
        shares[:, FACTORS.index(_FACTOR_OF[name])] += column * slope
    return shares


def link_suggestions(links: LinkPredictions) -> tuple[SuggestedLink, ...]:
    """Return the best-scored missing links with their reasons, best first; about half as many as are recorded."""
    scores = links.scores["personalised"]
    best = np.argsort(-scores, kind="stable")[: int(SUGGESTIONS_PER_LINK * links.recorded) + 1]
    shares, present = link_shares(links), _present(links)
    names = links.persons
    return tuple(
        SuggestedLink(
            first_id=min(names[links.first[index]], names[links.second[index]]),
            second_id=max(names[links.first[index]], names[links.second[index]]),
            score=round(float(expit(scores[index])), 4),
            reasons=reasons_of(shares[index], present[index]),
        )
        for index in best
    )


def case_hypotheses(cases: CasePredictions) -> tuple[CaseTypeHypothesis, ...]:
    """Return the likely types of every case that no human has labelled, and why the likeliest is before the next."""
    shares = softmax(cases.outcome.personalised, axis=1)
    return tuple(
        CaseTypeHypothesis(
            case_id=cases.ids[index],
            probabilities={name: round(float(share), 4) for name, share in zip(CASE_TYPES, shares[index], strict=True)},
            reasons=case_reasons(
                cases.problem, cases.outcome.parts, case=int(index), types=_likeliest(shares[index]), prior=cases.prior
            ),
        )
        for index in np.flatnonzero(cases.labels < 0)
    )


def _likeliest(shares: Floats) -> tuple[int, int]:
    first, second = np.argsort(-shares, kind="stable")[:2]
    return int(first), int(second)


def _centred(table: Floats) -> Floats:
    return table - table.mean(axis=0) if len(table) else table


def _present(links: LinkPredictions) -> NDArray[np.bool_]:
    """Return which factors each pair has; those of home when it has more of them than most pairs."""
    width = links.inputs.shape[1]
    present = np.zeros((len(links.inputs), len(FACTORS)), dtype=np.bool_)
    present[:, :width] = links.inputs > 0
    for place, name in enumerate(PREDICTORS):
        factor = FACTORS.index(_FACTOR_OF[name])
        if factor >= width:
            present[:, factor] |= _centred(links.home)[:, place] > 0
    return present
