"""How large a world is, and what its countries declare in public about it: constants of a preset, never counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeborders.kit.errors import SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.plan import Task
from safeborders.sandbox.world.numbers import load_numbers

_EXAMPLES_PER_CASE: Mapping[Task, float] = {Task.TYPOLOGY: 0.2, Task.LINKS: 1.15, Task.ROLES: 0.65}
"""A public guess of curated examples per case; it scales the coordinator's step, never the privacy."""
_MOST_PERSONS = 1_000_000


@dataclass(frozen=True)
class Size:
    """Cases per country, and how many are written at a time.

    Attributes:
        cases: Cases by country, in the order of the countries.
        district: Most cases, over all countries, that are in memory at a time; 0 for all.
    """

    cases: Mapping[Country, int]
    district: int = 0

    @property
    def one_file(self) -> bool:
        """Whether each country gets a single file."""
        return self.district == 0

    def districts(self) -> Iterator[Mapping[Country, int]]:
        """Yield the cases per country of each district; their sum is ``cases``."""
        total = sum(self.cases.values())
        parts = max(1, -(-total // self.district)) if self.district else 1
        for part in range(parts):
            yield {
                country: cases * (part + 1) // parts - cases * part // parts for country, cases in self.cases.items()
            }


def scaled_size(persons: int, *, countries: Sequence[Country] = DEMONSTRATION) -> Size:
    """Return the size of a world with about ``persons`` persons in each of ``countries``.

    Raises:
        SettingsError: If the number is out of range or no country is named.
    """
    scale = load_numbers().scale
    if not 100 <= persons <= _MOST_PERSONS or not countries:
        raise SettingsError(f"A country has from 100 to {_MOST_PERSONS:,} persons: give --scale such a number.")
    cases = max(1, round(persons / scale.persons_per_case))
    wanted = [country for country in DEMONSTRATION if country in countries]
    return Size(dict.fromkeys(wanted, cases), district=scale.district_cases)


def public_sizes(preset: str, task: Task) -> dict[str, int]:
    """Return the declared number of examples per country, rounded to five.

    Raises:
        ValueError: If the preset is unknown.
    """
    presets = load_numbers().presets
    sizes = next((cases for name, cases in presets.items() if name == preset), None)
    if sizes is None:
        raise ValueError(f"preset must be one of {', '.join(presets)}.")
    share = _EXAMPLES_PER_CASE[task]
    return {country.value: max(5, 5 * round(cases * share / 5)) for country, cases in sizes.items()}
