"""Hypotheses of roles for people to judge: why one part is before the next, what speaks against, and when to be silent.

The chosen prediction is linear in its inputs but for the country's own guess, so that the shares add up to the
difference of the two logits.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, softmax

from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.node.learning.outcomes import Reason, RoleHypothesis
from safeborders.node.learning.regression import Floats
from safeborders.node.learning.role_predictions import HOME_INPUTS, RolePredictions
from safeborders.node.learning.role_words import FREQUENCY, OWN, WORDS

LIKELY = 0.6
"""Probability below which the model is silent: the others together would be nearly as likely (decision 0192)."""
ABOVE_USUAL = float(np.log(2))
"""How far, in log-odds, a part must be above its share among the stated ones: at least twice the odds."""
REASONS_FOR = 3
REASONS_AGAINST = 2
_NEGLIGIBLE = 0.01  # of the log-odds


def role_hypotheses(roles: RolePredictions) -> tuple[RoleHypothesis, ...]:
    """Return the likely parts of suspects where nobody stated one and the model has something to say."""
    shares = softmax(roles.outcome.personalised, axis=1)
    return tuple(
        RoleHypothesis(
            person_id=roles.persons[row],
            case_id=roles.cases[row],
            probabilities={
                name: round(float(share), 4) for name, share in zip(OFFENDING_ROLES, shares[row], strict=True)
            },
            reasons=role_reasons(roles, row=int(row), parts=_likeliest(shares[row])),
        )
        for row in np.flatnonzero(is_told(roles))
    )


def is_told(roles: RolePredictions) -> NDArray[np.bool_]:
    """Return of which suspects a hypothesis is told: where nobody stated a part, and one is clear."""
    return (roles.labels < 0) & is_clear(softmax(roles.outcome.personalised, axis=1), usual=roles.usual)


def is_clear(shares: Floats, *, usual: Floats) -> NDArray[np.bool_]:
    """Return where the likeliest part is clearly likelier than its base rate; elsewhere a lead would only mislead.

    Args:
        shares: How likely each part is, one row per suspect.
        usual: Share of each part among the stated ones.
    """
    best = shares.argmax(axis=1)
    highest = shares[np.arange(len(shares)), best]
    clear: NDArray[np.bool_] = (highest >= LIKELY) & (logit(highest) - logit(usual[best]) >= ABOVE_USUAL)
    return clear


def role_shares(roles: RolePredictions, *, row: int, parts: tuple[int, int]) -> Floats:
    """Return the shares of ``HOME_INPUTS``, of the own guess and of the usual suspect in the difference of two logits.

    Shares are measured from the mean suspect of the country's cases, so that what is missing counts as well.
    """
    (said,) = roles.outcome.parts  # one: nothing spreads between suspects
    table = np.concatenate([said.weights, said.bias[None]]) + said.released * roles.linear
    slopes = table[:, parts[0]] - table[:, parts[1]]
    usual = roles.outcome.inputs.mean(axis=0)
    guess = roles.outcome.own_guess[row, parts[0]] - roles.outcome.own_guess[row, parts[1]]
    own = (roles.outcome.inputs[row] - usual) * slopes[:-1]
    return np.concatenate([own, [guess, usual @ slopes[:-1] + slopes[-1]]])


def role_reasons(roles: RolePredictions, *, row: int, parts: tuple[int, int]) -> tuple[Reason, ...]:
    """Put the largest shares in words: what speaks most for the part, then what against."""
    shares = role_shares(roles, row=row, parts=parts)
    more = roles.outcome.inputs[row] > roles.outcome.inputs.mean(axis=0)
    words = [WORDS[name][0 if is_more else 1] for name, is_more in zip(HOME_INPUTS, more, strict=True)]
    words += [pair[0 if share > 0 else 1] for pair, share in zip((OWN, FREQUENCY), shares[-2:], strict=True)]
    order = np.argsort(-shares, kind="stable")
    kept = [place for place in order[:REASONS_FOR] if shares[place] > _NEGLIGIBLE]
    kept += [place for place in order[-REASONS_AGAINST:] if shares[place] < -_NEGLIGIBLE]
    return tuple(Reason(text=words[place], weight=round(float(shares[place]), 3)) for place in kept)


def _likeliest(shares: Floats) -> tuple[int, int]:
    first, second = np.argsort(-shares, kind="stable")[:2]
    return int(first), int(second)
