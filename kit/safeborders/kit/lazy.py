"""Imports that wait until a command needs them, so that ``--help`` answers at once."""

import importlib
from collections.abc import Callable
from typing import cast


def load_function(path: str) -> Callable[..., object]:
    """Return the function named by ``path`` (``package.module:name``), importing its module now."""
    module, _, name = path.partition(":")
    return cast("Callable[..., object]", getattr(importlib.import_module(module), name))
