"""What a run does, in events: from the numbers of a signed plan to what the ledger keeps and the accountant prices."""

from collections.abc import Sequence
from dataclasses import dataclass

from safeborders.models.architecture import Architecture
from safeborders.models.protocol.plan import RunPlan, TaskPlan
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.relational import RootedGaussian


@dataclass(frozen=True)
class NetworkPrice:
    """What one network of a run costs by itself, and the public numbers that price it.

    Attributes:
        name: Of the network.
        sees: Whom a root sees, in words; "nobody" for an encoder.
        event: All its rounds.
        epsilon: Of the network alone, at the plan's delta; those of several networks compose to less than their sum.
    """

    name: str
    sees: str
    event: RootedGaussian
    epsilon: float


def price_networks(plan: RunPlan, architecture: Architecture) -> tuple[NetworkPrice, ...]:
    """Return the prices of all networks of ``plan``. Raises as ``run_events`` does."""
    events = run_events(plan, architecture, rounds=plan.rounds)
    return tuple(
        NetworkPrice(task.name, _seen(task), event, epsilon([event], delta=plan.delta))
        for task, event in zip(plan.tasks, events, strict=True)
    )


def network_lines(prices: Sequence[NetworkPrice]) -> list[str]:
    """Return the prices in lines for people, K being the most links of a node and p the coins."""
    lines = []
    for price in prices:
        event = price.event
        numbers = f"q {event.sampling_rate:g}, noise {event.noise_multiplier:.4g}, {event.steps} rounds"
        lines.append(f"{price.name}: {numbers}; epsilon {price.epsilon:.3f} alone")
        if event.relations:
            lines.append(f"  sees {price.sees}")
    return lines


def _seen(task: TaskPlan) -> str:
    seen = (
        f"{part.relation} (K {part.limit}, p {' x '.join(f'{keep:g}' for keep in part.keep)})"
        for part in task.relations
    )
    return ", ".join(seen) or "nobody"


def run_events(plan: RunPlan, architecture: Architecture, *, rounds: int) -> tuple[RootedGaussian, ...]:
    """Return what ``rounds`` rounds of ``plan`` do at one country, one event per network.

    A person is part of at most ``examples_per_person`` roots, each of which may also be seen by others: the event's
    ``copies``.

    Raises:
        ValueError: If the plan's networks are not those of ``architecture``, in the same order and seeing the same
            relations, or cannot be priced.
    """
    if not architecture.fits(plan):
        raise ValueError("plan.tasks must be the networks of the architecture, in its order.")
    return tuple(
        RootedGaussian(
            task=task.name,
            sampling_rate=task.sampling_rate,
            noise_multiplier=task.noise_multiplier,
            relations=tuple((float(part.limit), *part.keep) for part in task.relations),
            grid=2**task.quantisation_bits,
            dimension=shape.update_length,
            positions=stacked_positions(task),
            steps=rounds,
            copies=task.examples_per_person,
        )
        for task, shape in zip(plan.tasks, architecture.tasks, strict=True)
    )


def stacked_positions(task: TaskPlan) -> int:
    """Return how many positions of a row the first layer sees stacked: the root and, with two hops, its lists."""
    return 1 + sum(part.most[0] for part in task.relations) if task.hops == 2 else 1
