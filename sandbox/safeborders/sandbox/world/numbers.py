"""The world's numbers, read once from ``numbers.yaml`` and checked against the vocabulary."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from safeborders.models.domain.countries import Country
from safeborders.models.domain.typology import CaseType

Range = tuple[int, int]
Pair = tuple[float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountryNumbers(_Strict):
    """What is particular to a country: its mix of types and how much it leaves unrecorded."""

    mix: tuple[float, ...]
    unrecorded: float


class NetworkNumbers(_Strict):
    """Sizes and reach of planted networks."""

    linked_cases: float
    sizes: tuple[tuple[float, int, int], ...]
    two_countries: float
    three_countries: float
    closure: float
    kin_recorded: float


class CaseNumbers(_Strict):
    """How many of what a case has."""

    more_victims: Mapping[CaseType, float]
    more_suspects: float
    fellow_victims: float
    contacts: Range
    episodes: Range
    phones: Mapping[str, float]
    vehicles: Mapping[CaseType, float]
    women: Mapping[CaseType, float]
    victim_ages: Mapping[CaseType, Range]
    girls: Mapping[CaseType, float]


class EvidenceNumbers(_Strict):
    """Chance of a trace between two who belong together, and between two who only share a case."""

    called: Pair
    contacted: Pair
    paid: Pair
    place: Pair
    vehicle: Pair
    phone: Pair


class LabelNumbers(_Strict):
    """How much humans labelled, and how often wrongly."""

    type: float
    role: float
    network: float
    wrong: float


class HiddenNumbers(_Strict):
    """How many links between persons are withheld; ``late`` is the most that is hidden of the late ones."""

    share: float
    late: float
    late_from: date


class DuplicateNumbers(_Strict):
    """How often a country knows one person twice or three times."""

    double: float
    triple: float


class DateNumbers(_Strict):
    """The world's ten years."""

    first: date
    last: date


class Numbers(_Strict):
    """All numbers of the world."""

    presets: Mapping[Literal["tiny", "demo", "bench"], Mapping[Country, int]]
    base_rate: float
    drift: float
    atypical: float
    contradictory: float
    types: Mapping[CaseType, Mapping[str, float]]
    countries: Mapping[Country, CountryNumbers]
    corridors: Mapping[Country, tuple[Country, ...]]
    networks: NetworkNumbers
    per_case: CaseNumbers
    evidence: EvidenceNumbers
    labels: LabelNumbers
    hidden: HiddenNumbers
    noise_links: float
    duplicates: DuplicateNumbers
    recycled_phones: float
    resold_vehicles: float
    dual_status: float
    restricted: float
    no_dissemination: float
    overdue: float
    dates: DateNumbers
    canaries: int


@cache
def load_numbers() -> Numbers:
    """Return the numbers in the file beside this module."""
    text = files("safeborders.sandbox.world").joinpath("numbers.yaml").read_text(encoding="utf-8")
    return Numbers.model_validate(yaml.safe_load(text))
