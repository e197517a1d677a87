"""What a run does, in events: from the numbers of a signed plan to what the ledger keeps and the accountant prices."""

from safeborders.models.architecture import Architecture
from safeborders.models.protocol.plan import RunPlan, TaskPlan
from safeborders.privacy.relational import RootedGaussian


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
