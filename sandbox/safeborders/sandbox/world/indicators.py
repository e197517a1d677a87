"""What a case file says about how the case was committed: yes, no, or nothing."""

from collections.abc import Mapping
from itertools import groupby
from random import Random

from safeborders.models.domain.countries import Country
from safeborders.models.domain.typology import CaseType
from safeborders.models.ontology.loader import load_indicators
from safeborders.sandbox.world.chance import stream
from safeborders.sandbox.world.numbers import Numbers

_RECRUITERS = ("rec.partner", "rec.family", "rec.friend", "rec.other")


class IndicatorWriter:
    """Draws the indicators of cases as one country records them; its habits drift from the other countries'."""

    def __init__(self, country: Country, numbers: Numbers, *, seed: int) -> None:
        habits = stream(seed, "drift", country.value)
        self._codes = tuple(indicator.code for indicator in load_indicators())
        self._groups = {
            group: tuple(codes) for group, codes in groupby(self._codes, key=lambda code: code.partition(".")[0])
        }
        self._unrecorded = numbers.countries[country].unrecorded
        self._contradictory = numbers.contradictory
        self._profiles: Mapping[CaseType, Mapping[str, float]] = {
            case_type: {
                code: min(0.99, max(0.005, typical.get(code, numbers.base_rate) + habits.gauss(0.0, numbers.drift)))
                for code in self._codes
            }
            for case_type, typical in numbers.types.items()
        }

    def draw(self, chance: Random, case_type: CaseType, *, mixed_with: CaseType | None) -> dict[str, bool | None]:
        """Return all indicators of a case; a group that nobody recorded is None throughout, never False."""
        values: dict[str, bool | None] = {}
        for codes in self._groups.values():
            unrecorded = chance.random() < self._unrecorded
            for code in codes:
                profile = self._profiles[case_type if mixed_with is None or chance.random() < 0.5 else mixed_with]
                present = chance.random() < profile[code]
                values[code] = None if unrecorded else present
        if chance.random() < self._contradictory:
            for code in _RECRUITERS:
                values[code] = True
        return values
