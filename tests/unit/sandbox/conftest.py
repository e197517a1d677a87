"""Worlds that several tests look at; nobody changes them."""

from pathlib import Path

import pytest

from safeborders.sandbox.world.creation import create_world


@pytest.fixture(scope="session")
def demo_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preset `demo` with seed 3."""
    folder = tmp_path_factory.mktemp("worlds") / "demo"
    create_world(preset="demo", seed=3, out=folder)
    return folder
