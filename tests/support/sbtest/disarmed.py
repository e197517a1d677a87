"""A pytest plugin that takes one defence out of the program before anything of it is imported.

``SAFEBORDERS_TEST_DISARMED=key-substitution python -m pytest -p sbtest.disarmed ...`` runs tests without that defence.
Nothing on disk is changed.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import NoReturn

from sbtest.attack_kinds import Removal
from sbtest.attacks import ATTACKS

VARIABLE = "SAFEBORDERS_TEST_DISARMED"


class _Loader(SourceFileLoader):
    """Loads a module without its defence."""

    def __init__(self, fullname: str, path: str, *, removals: Sequence[Removal]) -> None:
        super().__init__(fullname, path)
        self._removals = removals

    def path_stats(self, path: str) -> NoReturn:
        """Say that nothing is known of the file, so that no compiled form of the whole module is used or kept."""
        raise OSError(path)

    def get_data(self, path: str) -> bytes:
        """Return the file without the defence."""
        text = super().get_data(path).decode()
        for removal in self._removals:
            if text.count(removal.old) != 1:
                raise LookupError(f"{removal.module} does not hold the defence once: {removal.old}")
            text = text.replace(removal.old, removal.new)
        return text.encode()


class _Finder(MetaPathFinder):
    """Finds the modules that lose a defence."""

    def __init__(self, removals: Mapping[str, Sequence[Removal]]) -> None:
        self._removals = removals

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._removals:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, removals=self._removals[fullname])
        return spec


def _disarm(key: str) -> None:
    (attack,) = (one for one in ATTACKS if one.key == key)
    modules = {removal.module for removal in attack.removals}
    if early := modules & set(sys.modules):
        raise LookupError(f"{early} was imported before its defence could be taken out")
    removals = {name: [one for one in attack.removals if one.module == name] for name in modules}
    sys.meta_path.insert(0, _Finder(removals))


if os.environ.get(VARIABLE):
    _disarm(os.environ[VARIABLE])
