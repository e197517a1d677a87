"""The family of errors, read from the source: every reason has its own code and its own sentence."""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass

from sbtest.house.sources import Source

ROOT_CLASS = "SafeBordersError"


@dataclass(frozen=True)
class ErrorClass:
    """One error class as it is written."""

    name: str
    bases: tuple[str, ...]
    code: str | None
    has_docstring: bool
    place: str


def list_errors(sources: list[Source]) -> list[ErrorClass]:
    """Return every class below the root of the family, and the root."""
    classes = [
        _read(part, source=source)
        for source in sources
        for part in ast.walk(source.tree)
        if isinstance(part, ast.ClassDef)
    ]
    family, grown = {ROOT_CLASS}, True
    while grown:
        more = {one.name for one in classes if set(one.bases) & family} - family
        family |= more
        grown = bool(more)
    return [one for one in classes if one.name in family]


def violations_in_family(errors: list[ErrorClass]) -> list[str]:
    """Find classes without their own code or docstring, codes of another shape, and codes used twice."""
    found = []
    holders: dict[str, list[str]] = defaultdict(list)
    for error in errors:
        if not error.has_docstring:
            found.append(f"{error.place} {error.name} has no docstring")
        if error.code is None:
            found.append(f"{error.place} {error.name} has no code of its own")
        else:
            holders[error.code].append(error.name)
            if not re.fullmatch(r"[a-z_]+\.[a-z_]+|internal", error.code):
                found.append(f"{error.place} {error.name} has the code {error.code}, not family.reason")
    found += [f"the code {code} is shared by {', '.join(names)}" for code, names in holders.items() if len(names) > 1]
    return found


def _read(part: ast.ClassDef, *, source: Source) -> ErrorClass:
    return ErrorClass(
        name=part.name,
        bases=tuple(base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in part.bases),
        code=next((value for statement in part.body if (value := _code(statement))), None),
        has_docstring=bool(ast.get_docstring(part)),
        place=f"{source.path}:{part.lineno}",
    )


def _code(statement: ast.stmt) -> str | None:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    value = getattr(statement, "value", None)
    named = any(isinstance(target, ast.Name) and target.id == "code" for target in targets)
    if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return None
