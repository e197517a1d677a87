"""Where product code asks the agreement (domain.md 3.5), and material for which nothing may ask yet."""

import ast
from collections.abc import Iterator, Mapping

from sbtest.house.sources import Source

CALLS: Mapping[str, tuple[str, ...]] = {
    "E1": ("check_start",),
    "E2": ("check_training_message", "check_model_order"),
    "E3": ("check_send",),
    "E4": ("check_round_start",),
    "E5": ("check_release",),
    "E6": ("check_filter_export",),
    "E7": ("check_hit_disclosure",),
    "E8": ("check_api_export",),
    "E9": ("purge_overdue",),
}
"""By which function of ``privacy.agreement`` each point is asked."""

NO_SUCH_ACT: Mapping[str, tuple[str, ...]] = {
    "E6": ("FILTER",),  # no match filter is made
    "E7": ("HIT",),  # no hit is told to anybody
    "E8": ("AGGREGATE", "EVALUATION", "SYNTHETIC"),  # the API answers this country's own investigators alone
}
"""Points whose act the product does not have, with the classes of material that would need it."""


def find_callers(point: str, source: Source) -> list[str]:
    """Return the places in ``source`` that ask at ``point``."""
    return [
        f"{source.path}:{node.lineno}"
        for node in ast.walk(ast.parse(source.text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS[point]
    ]


def find_ungranted_material(source: Source) -> Iterator[str]:
    """Yield the places that name material for which no point is asked: whoever adds the act adds the question."""
    names = {name for material in NO_SUCH_ACT.values() for name in material}
    for node in ast.walk(ast.parse(source.text)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr in names) == ("Material", True)
        ):
            yield f"{source.path}:{node.lineno} names Material.{node.attr}"
