"""Imports that wait until a command needs them, so that ``--help`` answers at once."""

import importlib
from typing import Any


def load_attribute(path: str) -> Any:
    """Return the attribute named by ``path`` (``package.module:name``), importing its module now."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
