"""A run and a standing approval in plain language, at 80 columns, and as documents for machines."""

import math
import textwrap
from dataclasses import dataclass
from typing import Any

from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.plan import Task
from safeborders.node.consent.entries import Verdict
from safeborders.node.consent.standing import RunStanding, Standing, State

_VERDICTS = {Verdict.COVER: "Covered by"}
_OPEN = frozenset({State.PENDING, State.APPROVED})
_LARGEST_EXPONENT = 300.0
_ROUND_FROM = 100.0
_WIDTH = 80
_LABEL = 14
_RUN_WIDTH = 36  # a name that the coordinator gives, whole, so that it can be copied
_PURPOSES = {
    "P1": "typology of cases",
    "P2": "identification of networks",
    "P3": "deconfliction",
    "P4": "evaluation",
    "P5": "statistics",
}
_TASKS = {
    Task.TYPOLOGY: "the type of a case",
    Task.LINKS: "which two persons belong together",
    Task.ROLES: "the part of a suspect in the very case",
}
_STATES = {
    State.APPROVED: "approved; withdraw at any time, it counts with the next message",
    State.REFUSED: "refused, for ever",
    State.WITHDRAWN: "withdrawn: nothing more leaves for it",
}


@dataclass(frozen=True)
class Budget:
    """The country's own ledger, all composed exactly at its own delta.

    Attributes:
        spent: Epsilon of everything ever charged.
        after: The same once the run has done all its rounds; infinite where nothing can be proven.
        cap: The country's, or the agreement's where that is lower.
    """

    spent: float
    after: float
    cap: float

    @property
    def fits(self) -> bool:
        """Whether the whole run fits under the cap; where it does not, the ledger stops it before its end."""
        return self.after <= self.cap

    @property
    def words(self) -> str:
        """What is spent and what is left, for people."""
        if not self.fits:
            return f"spent so far {self.spent:.3f} of {self.cap:.3f}; the run DOES NOT FIT: the ledger will stop it"
        left = self.cap - self.after
        return f"spent so far {self.spent:.3f}, left after it {left:.3f} of {self.cap:.3f} (all releases together)"


def run_column(run: str) -> str:
    """Return a run's name as a column of a table, 36 wide; a longer one ends in an ellipsis."""
    name = run if len(run) <= _RUN_WIDTH else run[: _RUN_WIDTH - 1] + "…"
    return name.ljust(_RUN_WIDTH)


def run_document(one: RunStanding, *, budget: Budget | None = None) -> dict[str, Any]:
    """Return a run for machines."""
    asked = one.request
    document = {
        **asked.model_dump(mode="json"),
        "state": one.state.value,
        "leaves": list(asked.leaves()),
        "by_standing": one.by_standing,
        "decisions": [
            {
                "at": entry.at.isoformat(),
                "verdict": entry.verdict.value,
                "person": entry.person.name,
                "person_id": entry.person.id,
                "reason": entry.reason,
            }
            for entry in one.entries
        ],
    }
    if budget is None:
        return document
    left = budget.cap - budget.after if budget.fits else None
    return {
        **document,
        "epsilon_spent": budget.spent,
        "epsilon_left_after": left,
        "epsilon_cap": budget.cap,
        "fits": budget.fits,
    }


def run_lines(one: RunStanding, *, budget: Budget, persons: int) -> list[str]:
    """Return a run for people."""
    asked = one.request
    masks = "under masks: the coordinator sees the sum alone"
    how = masks if asked.aggregation is Aggregation.SECURE else "single updates, not masked"
    clause = asked.clause or "NONE: no clause of the agreement covers it"
    rows = [
        ("Run", asked.run),
        ("State", _STATES.get(one.state, f"waits for you: {persons} different person(s) must approve")),
        ("First seen", f"{asked.first_seen:%Y-%m-%d %H:%M} UTC"),
        ("Purpose", f"{asked.purpose}, {_PURPOSES.get(asked.purpose, 'see the agreement')}"),
        ("Learns", "; ".join(_TASKS[task] for task in asked.tasks)),
        ("Clause", clause),
        ("Agreement", asked.agreement_sha256),
        ("Manifest", asked.manifest_sha256),
        ("Model", asked.architecture_sha256),
        ("Code", f"what is installed here; none is sent. Bundle without code: {asked.bundle_sha256}"),
        ("Countries", f"{', '.join(asked.participants)}; at least {asked.floor} in each sum"),
        ("Combined", how),
        ("Leaves", "; ".join(asked.leaves())),
        (
            "Epsilon",
            f"{asked.epsilon:.3f} for all {asked.rounds} rounds, at delta {asked.delta:g}, by our arithmetic",
        ),
        ("", odds_in_words(asked.epsilon)),
        ("", budget.words),
    ]
    if one.by_standing:
        rows.append(("Standing", f"within the standing approval {one.by_standing[:12]}"))
    rows += [
        (
            _VERDICTS.get(entry.verdict, entry.verdict.value.capitalize()),
            f"{entry.person.name} ({entry.person.id}), {entry.at:%Y-%m-%d}: {entry.reason}",
        )
        for entry in one.entries
    ]
    lines = [line for label, words in rows for line in _wrapped(label, words)]
    return lines + _ways_to_decide(one) if one.state in _OPEN else lines


def odds_in_words(epsilon: float) -> str:
    """Return what an epsilon means for one person: the factor of odds that differential privacy bounds."""
    most = math.exp(min(epsilon, _LARGEST_EXPONENT))
    factor = f"{most:.1f}" if most < _ROUND_FROM else f"{most:,.0f}"
    return (
        "a bound, not an estimate: whoever sees all of it can shift the odds that one person is on record at most "
        f"{factor}-fold (1: not at all)"
    )


def _ways_to_decide(one: RunStanding) -> list[str]:
    """Return the commands with which a reader goes on, bound to the manifest that is shown."""
    is_open = one.state is State.PENDING
    what, verb = (
        ("To approve (or, with the word refuse, to refuse for ever):", "approve")
        if is_open
        else ("To withdraw:", "withdraw")
    )
    return [
        "",
        what,
        f"  safeborders node approvals {verb} \\",
        f"    {one.request.run} \\",
        "    -p PROFILE --as NAME --reason WHY \\",
        f"    --manifest {one.request.manifest_sha256}",
    ]


def standing_document(one: Standing) -> dict[str, Any]:
    """Return a standing approval for machines."""
    return {
        "number": one.sha256,
        "state": one.state.value,
        "limits": one.limits.model_dump(mode="json"),
        "epsilon_used": one.used,
        "approvers": [{"person": person.name, "person_id": person.id} for person in one.approvers],
    }


def standing_lines(one: Standing) -> list[str]:
    """Return a standing approval for people."""
    limits = one.limits
    by = ", ".join(f"{person.name} ({person.id})" for person in one.approvers)
    rows = [
        ("Standing", f"{one.sha256[:12]}  {one.state.value}"),
        ("Allows", f"{', '.join(limits.purposes)}: {'; '.join(_TASKS[task] for task in limits.tasks)}"),
        ("Combined", ", ".join(limits.aggregations)),
        ("Limits", f"epsilon {limits.epsilon_per_run:g} a run, {limits.rounds} rounds, until {limits.valid_until}"),
        ("", f"{one.used:.3f} of {limits.epsilon_total:g} epsilon used by all its runs"),
        ("Agreement", limits.agreement_sha256),
        ("Given by", by),
    ]
    return [line for label, words in rows for line in _wrapped(label, words)]


def _wrapped(label: str, words: str) -> list[str]:
    indent = " " * _LABEL
    return textwrap.wrap(words, _WIDTH, initial_indent=f"{label:<{_LABEL}}", subsequent_indent=indent) or [label]
