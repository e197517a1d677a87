"""Leads for people: which links may be missing, and why; with what speaks against, so that nobody follows blindly."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.graph.indicators import CASE_TYPES
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


def reasons_of(inputs: NDArray[np.float32], weights: Floats, *, typical: NDArray[np.float32]) -> tuple[Reason, ...]:
    """Explain one pair by comparison with a typical unlinked pair: what speaks most for the link, then what against.

    Args:
        inputs: The pair's inputs, :math:`(F,)`.
        weights: Change of the log-odds per unit of each input, :math:`(F,)`.
        typical: Mean inputs of unlinked candidate pairs, :math:`(F,)`.
    """
    shares = (inputs - typical).astype(np.float64) * weights
    order = np.argsort(-shares, kind="stable")
    chosen = [index for index in order[:REASONS_FOR] if shares[index] > _NEGLIGIBLE]
    chosen += [index for index in order[-REASONS_AGAINST:] if shares[index] < -_NEGLIGIBLE]
    names = [feature.name for feature in SPECIFICATION.links]
    return tuple(
        Reason(text=WORDS[names[index]][0 if inputs[index] > 0 else 1], weight=round(float(shares[index]), 3))
        for index in chosen
    )


def effective_weights(score: NDArray[np.float64], inputs: NDArray[np.float32], *, penalty: float = 1.0) -> Floats:
    """Return the linear model of the inputs that comes closest to a scorer, so that its score can be put in words.

    Ridge regression (LIME's surrogate, Ribeiro et al., KDD 2016, fitted on all candidates at once).
    """
    centred = inputs.astype(np.float64) - inputs.mean(axis=0) if len(inputs) else inputs.astype(np.float64)
    target = score - score.mean() if len(score) else score
    gram = centred.T @ centred + penalty * np.eye(inputs.shape[1])
    solved: Floats = np.linalg.solve(gram, centred.T @ target)
    return solved


def link_suggestions(links: LinkPredictions) -> tuple[SuggestedLink, ...]:
    """Return the best-scored missing links with their reasons, best first; about half as many as are recorded."""
    scores = links.scores["personalised"]
    best = np.argsort(-scores, kind="stable")[: int(SUGGESTIONS_PER_LINK * links.recorded) + 1]
    weights = effective_weights(scores, links.inputs)
    typical = links.inputs.mean(axis=0) if len(links.inputs) else np.zeros(links.inputs.shape[1], np.float32)
    names = links.persons
    return tuple(
        SuggestedLink(
            first_id=min(names[links.first[index]], names[links.second[index]]),
            second_id=max(names[links.first[index]], names[links.second[index]]),
            score=round(float(expit(scores[index])), 4),
            reasons=reasons_of(links.inputs[index], weights, typical=typical),
        )
        for index in best
    )


def case_hypotheses(cases: CasePredictions) -> tuple[CaseTypeHypothesis, ...]:
    """Return the likely types of every case that no human has labelled."""
    shares = softmax(cases.outcome.personalised, axis=1)
    return tuple(
        CaseTypeHypothesis(
            case_id=cases.ids[index],
            probabilities={name: round(float(share), 4) for name, share in zip(CASE_TYPES, shares[index], strict=True)},
        )
        for index in np.flatnonzero(cases.labels < 0)
    )
