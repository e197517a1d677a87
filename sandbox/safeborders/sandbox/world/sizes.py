"""What the synthetic countries declare in public about their size: constants of a preset, never counts."""

from collections.abc import Mapping

from safeborders.models.protocol.plan import Task
from safeborders.sandbox.world.numbers import load_numbers

_EXAMPLES_PER_CASE: Mapping[Task, float] = {Task.TYPOLOGY: 0.2, Task.LINKS: 2.25}
"""A public guess of curated examples per case; it scales the coordinator's step, never the privacy."""


def public_sizes(preset: str, task: Task) -> dict[str, int]:
    """Return the declared number of examples per country, rounded to five.

    Raises:
        ValueError: If the preset is unknown.
    """
    presets = load_numbers().presets
    sizes = next((cases for name, cases in presets.items() if name == preset), None)
    if sizes is None:
        raise ValueError(f"preset must be one of {', '.join(presets)}.")
    share = _EXAMPLES_PER_CASE[task]
    return {country.value: max(5, 5 * round(cases * share / 5)) for country, cases in sizes.items()}
