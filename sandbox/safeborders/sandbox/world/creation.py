"""Creates the world: plans networks over the countries, lets each country write down what it knows, hides a part."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from safeborders.kit.errors import Conflict, SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.sandbox.world.cases import CaseWriter
from safeborders.sandbox.world.chance import day_between, geometric, stream
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.files import TRUTH_FOLDER, Canaries, CountryFiles
from safeborders.sandbox.world.ground_truth import GroundTruth, Truth
from safeborders.sandbox.world.hubs import Hubs
from safeborders.sandbox.world.indicators import IndicatorWriter
from safeborders.sandbox.world.mistakes import add_noise_links, lend_numbers_abroad, reuse_selectors
from safeborders.sandbox.world.networks import NetworkPlanner, fill_cell, pick_type
from safeborders.sandbox.world.numbers import Numbers, load_numbers
from safeborders.sandbox.world.recorded_roles import keep_stated_roles
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.sizes import Size
from safeborders.sandbox.world.truth import Cell, Network
from safeborders.sandbox.world.withholding import withhold_ties

_NEGATIVES_ON = date(2025, 6, 1)

Progress = Callable[[int, int], None]
"""Called with the cases written so far and the cases in all."""


@dataclass
class WorldSummary:
    """How much was written: entities, links and other rows per country, and persons among the entities."""

    rows: dict[Country, tuple[int, int, int]]
    persons: dict[Country, int]

    def __str__(self) -> str:
        lines = [
            f"{country.value:3}  {e:8} entities  {k:8} links  {s:8} statements"
            for country, (e, k, s) in self.rows.items()
        ]
        return "\n".join(lines)


def create_world(*, preset: str, seed: int, out: Path, progress: Progress = lambda _done, _total: None) -> WorldSummary:
    """Write the world of ``preset`` into the new or empty folder ``out``; the same seed gives the same bytes.

    Raises:
        SettingsError: If the preset is unknown.
        Conflict: If ``out`` holds anything.
    """
    presets = load_numbers().presets
    sizes = next((cases for name, cases in presets.items() if name == preset), None)
    if sizes is None:
        raise SettingsError(f"The preset must be one of {', '.join(presets)}.")
    return write_world(
        Size({country: sizes[country] for country in DEMONSTRATION}), seed=seed, out=out, progress=progress
    )


def write_world(size: Size, *, seed: int, out: Path, progress: Progress) -> WorldSummary:
    """Write a world of ``size`` into the new or empty folder ``out``, district by district.

    Raises:
        Conflict: If ``out`` holds anything.
    """
    if out.exists() and any(out.iterdir()):
        raise Conflict(f"The folder {out} is not empty: name a new one.")
    out.mkdir(parents=True, exist_ok=True)
    world = _World(size, seed=seed)
    done, total = 0, sum(size.cases.values())
    summary = WorldSummary(dict.fromkeys(size.cases, (0, 0, 0)), dict.fromkeys(size.cases, 0))
    canaries = Canaries(world.numbers.canaries, countries=len(size.cases))
    files = {country: CountryFiles(out / country.value, country, one_file=size.one_file) for country in size.cases}
    with GroundTruth(out / TRUTH_FOLDER) as truth:
        for part in world.districts():
            for register in part.registers:
                files[register.country].write(register)
                canaries.look(register)
                _count(summary, register)
            truth.add(part)
            done += len(part.cases)
            progress(done, total)
    canaries.write(out / TRUTH_FOLDER)
    return summary


class _World:
    """Everything that lasts longer than one district: counters, streams of chance, habits."""

    def __init__(self, size: Size, *, seed: int) -> None:
        self.numbers = load_numbers()
        self._size = size
        self._seed = seed
        self._creators = {
            one: Creator(one, seed=seed, chance=stream(seed, "creatures", one.value)) for one in size.cases
        }
        self._registers = {
            one: Register(one, self.numbers, chance=stream(seed, "register", one.value)) for one in size.cases
        }
        self._planner = NetworkPlanner(self.numbers, self._creators, chance=stream(seed, "networks"))
        self._negatives = stream(seed, "negatives")

    def districts(self) -> Iterator[Truth]:
        """Yield what each district's countries know and what is true of it; the next one forgets it."""
        numbers = self.numbers
        for sizes in self._size.districts():
            linked = {one: round(numbers.networks.linked_cases * cases) for one, cases in sizes.items()}
            networks = self._planner.plan(linked)
            writers = [self._write_country(one, networks, cases=cases) for one, cases in sizes.items()]
            registers = [self._registers[one] for one in sizes]
            negatives = lend_numbers_abroad(registers, chance=self._negatives, on=_NEGATIVES_ON)
            yield Truth(
                registers=registers,
                networks=networks,
                cases=[case for writer in writers for case in writer.truth],
                risks=[risk for writer in writers for risk in writer.risks],
                ties=[tie for register in registers for tie in withhold_ties(register, numbers)],
                negatives=negatives,
            )

    def _write_country(self, country: Country, networks: Sequence[Network], *, cases: int) -> CaseWriter:
        numbers, creator, register = self.numbers, self._creators[country], self._registers[country]
        register.clear()
        writer = CaseWriter(
            register,
            creator,
            numbers,
            indicators=IndicatorWriter(country, numbers, seed=self._seed),
            hubs=Hubs(register, creator, numbers=numbers.hubs, cases=cases, first=numbers.dates.first),
        )
        for network in networks:
            for cell in network.cells:
                if cell.country is country:
                    writer.write_cell(cell, network)
        for _ in range(cases - len(writer.truth)):
            network = _loner(creator, numbers)
            writer.write_cell(network.cells[0], network)
        add_noise_links(register, share=numbers.noise_links)
        reuse_selectors(register, numbers)
        keep_stated_roles(register)
        return writer


def _loner(creator: Creator, numbers: Numbers) -> Network:
    """A case of its own, as a network without a name."""
    chance, country, dates = creator.chance, creator.country, numbers.dates
    opened = day_between(chance, (dates.first + timedelta(days=90), dates.last))
    cell = Cell(country=country, cases=1)
    network = Network(
        name="",
        case_type=pick_type(chance, numbers.countries[country].mix),
        home=country,
        active=(opened - timedelta(days=150), opened),
        cells=[cell],
    )
    size = 1 + geometric(chance, mean=numbers.per_case.more_suspects)
    fill_cell(creator, cell, size=size, network=network, numbers=numbers)
    return network


def _count(summary: WorldSummary, register: Register) -> None:
    country = register.country
    before: Mapping[Country, tuple[int, int, int]] = summary.rows
    e, k, s = before[country]
    summary.rows[country] = (
        e + len(register.entities),
        k + len(register.links),
        s + len(register.statements),
    )
    summary.persons[country] += len(register.persons)
