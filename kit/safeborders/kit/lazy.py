"""Imports that wait until something needs them, so that ``--help`` answers at once and a program starts in a second."""

import importlib
from collections.abc import Callable
from typing import cast


def load_function(path: str) -> Callable[..., object]:
    """Return the function named by ``path`` (``package.module:name``), importing its module now."""
    module, _, name = path.partition(":")
    return cast("Callable[..., object]", getattr(importlib.import_module(module), name))


class LazyModule:
    """A library's module that is imported when something of it is first used; declare it as ``Any``.

    Args:
        name: Its full name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        """Return what the module holds under ``attribute``."""
        return getattr(importlib.import_module(self._name), attribute)
