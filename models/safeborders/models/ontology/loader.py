"""Reads the vocabulary that lies beside this module. Tests compare it with the types in ``models.domain``."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

from safeborders.models.domain.typology import CaseType, Indicator, Typology


@cache
def load_indicators() -> tuple[Indicator, ...]:
    """Return the 34 indicators in their public order."""
    return tuple(
        Indicator(**{**entry, "kanon": tuple(entry["kanon"]), "htcds": tuple(entry["htcds"])})
        for entry in _load("indicators.yaml")
    )


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


def load_entities() -> list[dict[str, Any]]:
    """Return the eleven kinds of entity with what others call them."""
    return _load("entities.yaml")


def load_relations() -> list[dict[str, Any]]:
    """Return the twenty kinds of link with ends, roles and what FollowTheMoney calls them."""
    return _load("relations.yaml")


def load_statuses() -> list[dict[str, Any]]:
    """Return the categories of data subjects, strongest first."""
    return _load("statuses.yaml")


def load_governance() -> Mapping[str, Mapping[str | int, str]]:
    """Return the words of the envelope, each with its meaning."""
    return cast("Mapping[str, Mapping[str | int, str]]", yaml.safe_load(_text("governance.yaml")))


def _load(name: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", yaml.safe_load(_text(name)))


def _text(name: str) -> str:
    return files("safeborders.models.ontology").joinpath(name).read_text(encoding="utf-8")
