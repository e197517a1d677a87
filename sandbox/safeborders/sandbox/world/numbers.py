"""The world's numbers, read once from ``numbers.yaml`` and checked against the vocabulary."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import Stage
from safeborders.models.domain.typology import CaseType

Range = tuple[int, int]
Pair = tuple[float, float]
HubKind = Literal[
    "hotline",
    "lawyer",
    "interpreter",
    "social_worker",
    "reception_centre",
    "call_shop",
    "taxi_firm",
    "bus_station",
]


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
    led_from: int
    led_cases: float


class CaseNumbers(_Strict):
    """How many of what a case has."""

    more_victims: Mapping[CaseType, float]
    more_suspects: float
    fellow_victims: float
    contacts: Range
    episodes: Range
    phones: Mapping[Literal["suspect", "victim", "contact"], float]
    document: float
    vehicles: Mapping[CaseType, float]
    women: Mapping[CaseType, float]
    victim_ages: Mapping[CaseType, Range]
    girls: Mapping[CaseType, float]


class EvidenceNumbers(_Strict):
    """Chance of a trace between two who belong together, and between two who only share a case."""

    called: Pair
    called_close: float
    burst: float
    online: float
    kin_at_home: float
    contacted: Pair
    paid: Pair
    place: Pair
    vehicle: Pair
    phone: Pair


class EpisodeNumbers(_Strict):
    """How a case unfolds: days per stage, who is present, and whether it goes on."""

    identification_days: float
    median_days: Mapping[Stage, float]
    other_median_days: float
    transport_days: Range
    new_place: float
    more_present: float
    ongoing: float


class ScaleNumbers(_Strict):
    """How a country of any number of persons is made: district by district."""

    persons_per_case: float
    district_cases: int


class FamilyNumbers(_Strict):
    """How often people look alike and are not one."""

    siblings: float
    twins: float
    family_phone: float
    namesakes: float


class HubNumbers(_Strict):
    """How often a case touches each kind of innocent hub, and how many cases one hub has in the mean."""

    degree: float
    unaccompanied: float
    uses: Mapping[HubKind, float]


class RiskNumbers(_Strict):
    """How many reasons make a case urgent, and how often the label is wrong."""

    reasons: int
    noise: float


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
    scale: ScaleNumbers
    base_rate: float
    drift: float
    atypical: float
    contradictory: float
    types: Mapping[CaseType, Mapping[str, float]]
    countries: Mapping[Country, CountryNumbers]
    corridors: Mapping[Country, Mapping[Country, float]]
    outside: Mapping[Country, float]
    networks: NetworkNumbers
    per_case: CaseNumbers
    episodes: EpisodeNumbers
    families: FamilyNumbers
    hubs: HubNumbers
    evidence: EvidenceNumbers
    labels: LabelNumbers
    hidden: HiddenNumbers
    risk: RiskNumbers
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
