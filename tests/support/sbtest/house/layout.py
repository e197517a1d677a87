"""Where files may lie, so that seven folders stay one namespace (one sentence for each violation)."""

import ast
import re
from pathlib import Path

from sbtest.house.sources import SOURCE_ROOTS, Source

_BANNED_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "handler",
    "data",
    "info",
    "base_classes",
    "misc",
}


def violations_in_namespace(paths: list[str]) -> list[str]:
    """Find what would hide the other folders, or lie outside the namespace.

    An ``__init__.py`` directly in a ``safeborders`` folder turns the namespace into that one folder; a ``.py`` directly
    in a source root would be a top-level module with a generic name.
    """
    found = []
    for path in paths:
        parts = Path(path).parts
        if parts[0] not in SOURCE_ROOTS or not path.endswith(".py"):
            continue
        if parts[1:] == ("safeborders", "__init__.py"):
            found.append(f"{path} hides the other folders of the namespace")
        if len(parts) == 2:
            found.append(f"{path} lies outside the namespace")
    return found


def violations_in_names(paths: list[str]) -> list[str]:
    """Find file names that could mean anything."""
    return [
        f"{path} has a name that could mean anything"
        for path in paths
        if Path(path).parts[0] in SOURCE_ROOTS and path.endswith(".py") and Path(path).stem in _BANNED_NAMES
    ]


def packages_without_marker(paths: list[str]) -> list[str]:
    """Find top packages (``kit/safeborders/kit``) without ``py.typed``, whose types nobody else would see."""
    packages = {Path(*Path(path).parts[:3]) for path in paths if re.match(r"\w+/safeborders/\w+/", path)}
    held = set(paths)
    return sorted(str(package) for package in packages if f"{package.as_posix()}/py.typed" not in held)


def violations_in_docstring(source: Source) -> list[str]:
    """Find a module without a docstring, and a package file that holds more than one."""
    body = source.tree.body
    found = [] if ast.get_docstring(source.tree) else [f"{source.path} has no docstring"]
    if source.path.endswith("__init__.py") and len(body) > 1:
        found.append(f"{source.path} holds more than a docstring")
    return found
