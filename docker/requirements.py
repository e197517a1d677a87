"""Print what one image installs: the project's dependencies, and for the coordinator without those that train."""

import argparse
import re
import sys
import tomllib
from pathlib import Path

# The coordinator averages vectors with numpy; a library that trains on or reads cases has no place beside it.
ONLY_NODE = frozenset({"torch", "torch-geometric", "opacus", "scikit-learn", "scikit-network", "numba"})
BUILD = ["hatchling>=1.27"]


def requirements_of(side: str, *, project: dict[str, object]) -> list[str]:
    """Return the requirements of the image of ``side`` (``node`` or ``coordinator``), in pip's notation."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["postgres"], *BUILD]
    if side == "node":
        return wanted
    return [line for line in wanted if name_of(line) not in ONLY_NODE]


def name_of(requirement: str) -> str:
    """Return the name in front of extras and versions."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def main() -> None:
    """Write the requirements to standard output, one a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["node", "coordinator"])
    side = parser.parse_args().side
    root = Path(__file__).resolve().parent.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sys.stdout.write("\n".join(requirements_of(side, project=project)) + "\n")


if __name__ == "__main__":
    main()
