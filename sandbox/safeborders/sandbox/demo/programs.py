"""The demonstration's programs, started by their commands as an operator would, and never outliving us."""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from safeborders.kit.errors import Unavailable
from safeborders.kit.processes import start_child, stop_children


class Programs:
    """Starts programs of this installation and stops them all at the end, whatever happens."""

    def __init__(self) -> None:
        self._children: list[tuple[str, subprocess.Popen[bytes], Path]] = []

    def start(self, name: str, arguments: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
        """Start ``python -m safeborders.kit ARGUMENTS`` in the background; call it from the main thread."""
        child = start_child([sys.executable, "-m", "safeborders.kit", *arguments], log=log)
        self._children.append((name, child, log))
        return child

    def finish(self, name: str, arguments: Sequence[str], *, log: Path) -> str:
        """Run a command to its end and return what it printed.

        Raises:
            Unavailable: If it fails; the sentence quotes the last line that it printed.
        """
        child = self.start(name, arguments, log=log)
        self.wait(child)
        return log.read_text(encoding="utf-8")

    def wait(self, child: subprocess.Popen[bytes]) -> None:
        """Wait for a child that :meth:`start` returned. Raises Unavailable if it fails."""
        code = child.wait()
        if code != 0:
            name, _, log = next(entry for entry in self._children if entry[1] is child)
            raise Unavailable(f"The step '{name}' of the demonstration failed: {_last_line(log)}")
        self._children = [entry for entry in self._children if entry[1] is not child]

    def check(self) -> None:
        """Notice a program that failed. Raises Unavailable."""
        for name, child, log in self._children:
            if child.poll() not in {None, 0}:
                raise Unavailable(f"The program '{name}' failed: {_last_line(log)}")

    @property
    def running(self) -> int:
        """How many programs run in the background."""
        return sum(child.poll() is None for _, child, _ in self._children)

    def stop(self) -> None:
        """Stop every program and all that it started, all at the same time."""
        with ThreadPoolExecutor(max_workers=max(1, len(self._children))) as pool:
            list(pool.map(lambda entry: stop_children([entry[1]]), reversed(self._children)))
        self._children.clear()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else f"see {log}."
