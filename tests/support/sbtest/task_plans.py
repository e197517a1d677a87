"""The default plans of both tasks with the sizes that the tiny world's countries declare."""

from safeborders.models.defaults import TASK_DEFAULTS, task_plan
from safeborders.models.protocol.plan import TaskPlan
from safeborders.sandbox.world.sizes import public_sizes


def tiny_task_plans() -> tuple[TaskPlan, ...]:
    """Return both tasks' plans."""
    return tuple(task_plan(task, public_sizes=public_sizes("tiny", task)) for task in TASK_DEFAULTS)
