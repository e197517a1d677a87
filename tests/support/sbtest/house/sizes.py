"""How large a file, a function and its list of parameters may be (one sentence for each violation)."""

import ast

from sbtest.house.sources import Source, functions_of

MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 5
MAX_POSITIONAL = 2
MAX_POSITIONAL_PRIVATE = 3
MAX_NESTING = 3

_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
# Their parameters are a command's options or a request's parts, so a person names each one.
_DECORATORS = {"command", "callback", "get", "post", "put", "patch", "delete", "exception_handler", "middleware"}
# ASGI, context managers and torch decide what these take.
_PROTOCOLS = {"__call__", "__exit__", "__aexit__", "forward", "backward"}


def violations_in_length(source: Source, *, most_lines: int) -> list[str]:
    """Find a file of more than ``most_lines`` lines and functions beyond theirs."""
    found = []
    if len(source.lines) > most_lines:
        found.append(f"{source.path} has {len(source.lines)} lines, more than {most_lines}")
    for function in functions_of(source.tree):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            found.append(f"{source.path}:{function.lineno} {function.name} has {lines} lines")
    return found


def violations_in_parameters(source: Source) -> list[str]:
    """Find functions with too many parameters, or with too many that may be given by position.

    Not counted: ``self`` and ``cls``; names with a leading underscore and methods such as ``__call__``, which a foreign
    protocol imposes; commands (their bodies in ``commands.py`` too) and endpoints. A private function, whose callers
    stand in the same file, may take one more by position. A ``# house: reason`` on the line of the ``def`` excuses it.
    """
    found = []
    for function in functions_of(source.tree):
        if _is_excused(function, source=source):
            continue
        positional = _counted([*function.args.posonlyargs, *function.args.args])
        if positional + _counted(function.args.kwonlyargs) > MAX_PARAMETERS:
            found.append(f"{source.path}:{function.lineno} {function.name} takes more than {MAX_PARAMETERS} parameters")
        most = MAX_POSITIONAL_PRIVATE if function.name.startswith("_") else MAX_POSITIONAL
        if positional > most:
            found.append(f"{source.path}:{function.lineno} {function.name} takes more than {most} by position")
    return found


def violations_in_nesting(source: Source) -> list[str]:
    """Find functions whose blocks lie deeper than three in one another."""
    return [
        f"{source.path}:{function.lineno} {function.name} nests {depth} deep"
        for function in functions_of(source.tree)
        if (depth := _depth(function.body)) > MAX_NESTING
    ]


def _is_excused(function: ast.FunctionDef | ast.AsyncFunctionDef, *, source: Source) -> bool:
    names = {
        part.attr
        for decorator in function.decorator_list
        for part in ast.walk(decorator)
        if isinstance(part, ast.Attribute)
    }
    imposed = function.name in _PROTOCOLS or "/commands/" in source.path or source.path.endswith("_command.py")
    return imposed or bool(names & _DECORATORS) or "# house: " in source.lines[function.lineno - 1]


def _counted(arguments: list[ast.arg]) -> int:
    return sum(1 for one in arguments if one.arg not in {"self", "cls"} and not one.arg.startswith("_"))


def _depth(body: list[ast.stmt]) -> int:
    deepest = 0
    for statement in body:
        if isinstance(statement, _BLOCKS):
            inner = [_depth(block) + 1 for block in _blocks_of(statement)]
            # An elif is an If alone in the else of another: the same depth to a reader.
            deepest = max([deepest, *inner])
    return deepest


def _blocks_of(statement: ast.stmt) -> list[list[ast.stmt]]:
    blocks: list[list[ast.stmt]] = [getattr(statement, "body", []), getattr(statement, "finalbody", [])]
    rest: list[ast.stmt] = getattr(statement, "orelse", [])
    while isinstance(statement, ast.If) and len(rest) == 1 and isinstance(rest[0], ast.If):
        blocks.append(rest[0].body)
        rest = rest[0].orelse
    blocks.append(rest)
    blocks += [handler.body for handler in getattr(statement, "handlers", [])]
    blocks += [case.body for case in getattr(statement, "cases", [])]
    return blocks
