"""Reads the vocabulary that lies beside this module."""

from functools import cache
from importlib.resources import files

import yaml

from safeborders.models.domain.typology import CaseType, Indicator, Typology


@cache
def load_indicators() -> tuple[Indicator, ...]:
    """Return the 34 indicators in their public order."""
    return tuple(Indicator(**entry) for entry in _load("indicators.yaml"))


@cache
def load_typologies() -> tuple[Typology, ...]:
    """Return the eight case types in the order of their codes."""
    return tuple(
        Typology(
            code=CaseType(entry["code"]),
            title=entry["title"],
            description=entry["description"],
            indicators=tuple(entry["indicators"]),
        )
        for entry in _load("typologies.yaml")
    )


def _load(name: str) -> list[dict[str, str]]:
    text = files("safeborders.models.ontology").joinpath(name).read_text(encoding="utf-8")
    entries: list[dict[str, str]] = yaml.safe_load(text)
    return entries
