"""Declared sizes: public constants of a preset."""

import pytest

from safeborders.models.protocol.plan import Task
from safeborders.sandbox.world.sizes import public_sizes


@pytest.mark.parametrize("preset", ["tiny", "demo", "bench"])
def test_nine_countries_declare_rounded_sizes(preset: str) -> None:
    for task in Task:
        sizes = public_sizes(preset, task)
        assert len(sizes) == 9
        assert all(size > 0 and size % 5 == 0 for size in sizes.values())


def test_an_unknown_preset_declares_nothing() -> None:
    with pytest.raises(ValueError, match="preset"):
        public_sizes("huge", Task.LINKS)
