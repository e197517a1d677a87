"""Small faults in one module's source: each mutant differs from it in one place.

Words for people are left alone: docstrings, annotations, sentences, and texts that are raised with an error.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One faulty version of a module.

    Attributes:
        line: Where.
        what: The fault, for people.
        tree: The module with it.
    """

    line: int
    what: str
    tree: ast.Module


def build_mutants(source: str) -> list[Mutant]:
    """Return every mutant of ``source``."""
    found = []
    total = sum(1 for _ in _places(ast.parse(source)))
    for number in range(total):
        for choice in range(_choices(source, number=number)):
            tree = ast.parse(source)
            parent, name, index, node = _nth(tree, number)
            replacement = _faults(node)[choice]
            _put(parent, name, index=index, node=replacement)
            what = f"{_text(node)}  ->  {_text(replacement)}"
            found.append(Mutant(line=getattr(node, "lineno", 0), what=what, tree=ast.fix_missing_locations(tree)))
    return found


_Place = tuple[ast.AST, str, int, ast.AST]


def _places(tree: ast.Module) -> Iterator[_Place]:
    """Yield each node that has a fault, with its parent, the parent's field, and its index there (-1: no list)."""
    stack: list[ast.AST] = [tree]
    while stack:
        parent = stack.pop()
        for name, value in ast.iter_fields(parent):
            if _is_words(parent, name):
                continue
            entries = value if isinstance(value, list) else [value]
            for index, node in enumerate(entries):
                if not isinstance(node, ast.AST) or _is_docstring(node):
                    continue
                if _faults(node):
                    yield parent, name, index if isinstance(value, list) else -1, node
                stack.append(node)


def _nth(tree: ast.Module, number: int) -> _Place:
    return next(place for index, place in enumerate(_places(tree)) if index == number)


def _choices(source: str, *, number: int) -> int:
    return len(_faults(_nth(ast.parse(source), number)[3]))


def _is_words(parent: ast.AST, name: str) -> bool:
    """Tell whether a field holds what only people read, or what only a type checker does."""
    if name in {"annotation", "returns", "decorator_list", "bases", "ctx", "type_params"}:
        return True
    is_error = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id[:1].isupper()
    return is_error and name == "args" and any(_is_sentence(one) for one in parent.args)  # type: ignore[attr-defined]  # a call


def _is_sentence(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _faults(node: ast.AST) -> list[ast.AST]:
    """Return what may stand in place of ``node``."""
    if isinstance(node, ast.expr):
        return [*_wrong_expressions(node), *_wrong_constants(node)]
    if isinstance(node, ast.comprehension):
        return [_changed(node, ifs=[]), *(_changed(node, ifs=[_not(one)]) for one in node.ifs)] if node.ifs else []
    if isinstance(node, (ast.If, ast.While)):
        return [_changed(node, test=_not(node.test))]
    if isinstance(node, ast.Return):
        if node.value is None:
            return [ast.Pass()]
        is_word = isinstance(node.value, ast.Constant) and node.value.value in {None, True, False}  # turned over below
        return [] if is_word else [ast.Return(ast.Constant(None))]
    if isinstance(node, ast.AugAssign):
        return [ast.Pass(), _changed(node, op=_ARITHMETIC[type(node.op)]())]
    stores = isinstance(node, ast.Assign) and not isinstance(node.targets[0], (ast.Name, ast.Tuple))
    if stores or isinstance(node, (ast.Expr, ast.Raise)):
        return [ast.Pass()]
    return [ast.Continue()] if isinstance(node, ast.Break) else []


def _wrong_expressions(node: ast.expr) -> list[ast.AST]:
    if isinstance(node, ast.Compare):
        first = node.ops[0]
        return [_changed(node, ops=[op(), *node.ops[1:]]) for op in _COMPARISONS[type(first)]]
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        without = [[one for one in node.values if one is not gone] for gone in node.values]
        kept = [values[0] if len(values) == 1 else _changed(node, values=values) for values in without]
        return [_changed(node, op=other), *kept]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.Invert)):
        return [node.operand]
    if isinstance(node, ast.BinOp):
        return [_changed(node, op=_ARITHMETIC[type(node.op)]())] if type(node.op) in _ARITHMETIC else []
    if isinstance(node, ast.IfExp):
        return [_changed(node, test=_not(node.test))]
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return [_changed(node, id=_NAMES[node.id])]
    return []


def _wrong_constants(node: ast.expr) -> list[ast.AST]:
    if not isinstance(node, ast.Constant) or _is_sentence(node):
        return []
    value = node.value
    if isinstance(value, bool):
        return [ast.Constant(not value)]
    if isinstance(value, (int, float)):
        return [ast.Constant(value + 1)]
    if isinstance(value, str):
        return [ast.Constant(f"{value}~")]
    return [ast.Constant(value + b"~")] if isinstance(value, bytes) else []


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _put(parent: ast.AST, name: str, *, index: int, node: ast.AST) -> None:
    if index < 0:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def _text(node: ast.AST) -> str:
    head = node
    if isinstance(node, (ast.If, ast.While)):
        head = _changed(node, body=[ast.Pass()], orelse=[])
    if isinstance(node, ast.comprehension):
        return " ".join(f"if {ast.unparse(one)}" for one in node.ifs) or "(no condition)"
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(head))).split())[:100]
