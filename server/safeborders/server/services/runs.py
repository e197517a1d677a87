"""One run as the coordinator sees it: rounds, estimates, privacy spent, models, and who is waited for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.server.registry.records import ReplyState, RoundRecord, RunState
from safeborders.server.registry.roster import Roster
from safeborders.server.registry.views import ModelView, RegistryReader, RunView

RunEpsilon = Callable[[RunPlan, int], float]
"""What a country spends on the given number of rounds of a plan (privacy.accountant)."""

_RELEASED = frozenset({ReplyState.ACCEPTED, ReplyState.REJECTED})  # a rejected update has left its country all the same


@dataclass(frozen=True)
class EpsilonLine:
    """What one country spent in a run, as far as the coordinator can know.

    A country also pays for a message that got lost on the way; only its own ledger knows, and its ledger decides.
    """

    country: Country
    rounds: int
    spent: float
    whole_run: float
    cap: float | None


@dataclass(frozen=True)
class Series:
    """One task's estimates by round."""

    task: str
    rounds: tuple[int, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


@dataclass(frozen=True)
class RunPage:
    """Everything that is shown of a run."""

    view: RunView
    waiting_for: tuple[Country, ...]
    rounds: Sequence[RoundRecord]
    series: Sequence[Series]
    epsilons: Sequence[EpsilonLine]
    models: Sequence[ModelView]


def get_run_page(run: str, *, registry: RegistryReader, roster: Roster, epsilon: RunEpsilon) -> RunPage:
    """Return what is shown of ``run``. Raises NotFound."""
    view = registry.get_run(run)
    rounds = registry.list_rounds(run)
    caps = {entry.country: entry.identity.epsilon_cap for entry in roster.list_roster()}
    seen = {contact.country: contact.seen_at for contact in registry.list_contacts()}
    return RunPage(
        view=view,
        waiting_for=find_missing(view, rounds=rounds, seen=seen),
        rounds=rounds,
        series=group_by_task(rounds),
        epsilons=price_rounds(view.plan, rounds=rounds, caps=caps, epsilon=epsilon),
        models=registry.list_models(run),
    )


def find_missing(view: RunView, *, rounds: Sequence[RoundRecord], seen: dict[Country, datetime]) -> tuple[Country, ...]:
    """Return the participants that were not heard of since the present round began; none when no round is open."""
    if view.state not in {RunState.WAITING, RunState.RUNNING} or view.rounds_done >= view.plan.rounds:
        return ()
    began = rounds[-1].ended_at if rounds else view.started_at
    return tuple(country for country in view.plan.participants if country not in seen or seen[country] < began)


def group_by_task(rounds: Sequence[RoundRecord]) -> list[Series]:
    """Return the estimates of every task in the order of the rounds."""
    tasks = sorted({found.task for record in rounds for found in record.statistics})
    grouped = []
    for task in tasks:
        points = [(record.round, found) for record in rounds for found in record.statistics if found.task == task]
        grouped.append(
            Series(
                task=task,
                rounds=tuple(number for number, _ in points),
                loss=tuple(found.loss for _, found in points),
                accuracy=tuple(found.accuracy for _, found in points),
            )
        )
    return grouped


def price_rounds(
    plan: RunPlan, *, rounds: Sequence[RoundRecord], caps: dict[Country, float | None], epsilon: RunEpsilon
) -> list[EpsilonLine]:
    """Return what every participant spent on the rounds whose update reached the coordinator."""
    whole_run = epsilon(plan, plan.rounds)
    lines = []
    for country in plan.participants:
        taken = sum(reply.country == country and reply.state in _RELEASED for one in rounds for reply in one.replies)
        spent = epsilon(plan, taken) if taken else 0.0
        lines.append(
            EpsilonLine(country=country, rounds=taken, spent=spent, whole_run=whole_run, cap=caps.get(country))
        )
    return lines
