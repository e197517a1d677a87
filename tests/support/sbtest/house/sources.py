"""The files that the house rules look at."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
SOURCE_ROOTS = ("kit", "models", "privacy", "configs", "node", "server", "sandbox")


@dataclass(frozen=True)
class Source:
    """One Python file: where it is, seen from the project's root, and what it says."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, filename=self.path)

    @property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @property
    def module(self) -> str:
        """Its dotted name, for a file of a source root."""
        parts = Path(self.path).with_suffix("").parts[1:]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def list_paths(root: Path = ROOT) -> list[str]:
    """Return every file that is, or without a further word would be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode()
    return sorted(path for path in listed.split("\0") if path and (root / path).is_file())


def list_sources(*folders: str, root: Path = ROOT) -> list[Source]:
    """Return the Python files below ``folders``, without generated migrations."""
    return [
        Source(path=path, text=(root / path).read_text(encoding="utf-8"))
        for path in list_paths(root)
        if path.endswith(".py")
        and "/migrations/versions/" not in path
        and path.startswith(tuple(f"{folder}/" for folder in folders))
    ]


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function in ``tree``, nested ones too."""
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part
