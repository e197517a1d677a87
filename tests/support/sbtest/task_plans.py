"""The default plans of both tasks with the sizes that the tiny world's countries declare."""

from safeborders.models.defaults import DEFAULT_MODEL, Model, task_plans
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.sandbox.world.sizes import public_sizes


def tiny_task_plans(model: Model = DEFAULT_MODEL) -> tuple[TaskPlan, ...]:
    """Return the plans of all networks of ``model``."""
    return task_plans(model, public_sizes={task: public_sizes("tiny", task) for task in Task})
