"""Creates the world: plans networks over nine countries, lets each country write down what it knows, hides a part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from safeborders.kit.errors import Conflict, SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.sandbox.world.cases import CaseWriter
from safeborders.sandbox.world.chance import day_between, geometric, stream
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.files import TRUTH_FOLDER, write_import_file
from safeborders.sandbox.world.ground_truth import Truth, write_ground_truth
from safeborders.sandbox.world.hubs import Hubs
from safeborders.sandbox.world.indicators import IndicatorWriter
from safeborders.sandbox.world.mistakes import add_noise_links, lend_numbers_abroad, reuse_selectors
from safeborders.sandbox.world.networks import NetworkPlanner, fill_cell, pick_type
from safeborders.sandbox.world.numbers import Numbers, load_numbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.truth import CaseTruth, Cell, Network
from safeborders.sandbox.world.withholding import withhold_ties

_NEGATIVES_ON = date(2025, 6, 1)


@dataclass(frozen=True)
class WorldSummary:
    """How much was written: entities, links and other rows per country."""

    rows: Mapping[Country, tuple[int, int, int]]

    def __str__(self) -> str:
        lines = [
            f"{country.value:3}  {e:7} entities  {k:7} links  {s:7} statements"
            for country, (e, k, s) in self.rows.items()
        ]
        return "\n".join(lines)


def create_world(*, preset: str, seed: int, out: Path) -> WorldSummary:
    """Write the world of ``preset`` into the new or empty folder ``out``; the same seed gives the same bytes.

    Raises:
        SettingsError: If the preset is unknown.
        Conflict: If ``out`` holds anything.
    """
    numbers = load_numbers()
    sizes = next((cases for name, cases in numbers.presets.items() if name == preset), None)
    if sizes is None:
        raise SettingsError(f"The preset must be one of {', '.join(numbers.presets)}.")
    if out.exists() and any(out.iterdir()):
        raise Conflict(f"The folder {out} is not empty: name a new one.")
    out.mkdir(parents=True, exist_ok=True)
    creators = {one: Creator(one, chance=stream(seed, "creatures", one.value)) for one in DEMONSTRATION}
    linked = {country: round(numbers.networks.linked_cases * sizes[country]) for country in DEMONSTRATION}
    networks = NetworkPlanner(numbers, creators, chance=stream(seed, "networks")).plan(linked)
    registers, cases = [], []
    for country in DEMONSTRATION:
        register, found = _write_country(creators[country], numbers, networks, cases=sizes[country], seed=seed)
        registers.append(register)
        cases += found
    negatives = lend_numbers_abroad(registers, chance=stream(seed, "negatives"), on=_NEGATIVES_ON)
    ties = [tie for register in registers for tie in withhold_ties(register, numbers)]
    for register in registers:
        write_import_file(out / register.country.value, register)
    truth = Truth(registers=registers, networks=networks, cases=cases, ties=ties, negatives=negatives)
    write_ground_truth(out / TRUTH_FOLDER, truth, canaries=numbers.canaries)
    return WorldSummary({r.country: (len(r.entities), len(r.links), len(r.statements)) for r in registers})


def _write_country(
    creator: Creator, numbers: Numbers, networks: Sequence[Network], *, cases: int, seed: int
) -> tuple[Register, list[CaseTruth]]:
    country = creator.country
    register = Register(country, numbers, chance=stream(seed, "register", country.value))
    writer = CaseWriter(
        register,
        creator,
        numbers,
        indicators=IndicatorWriter(country, numbers, seed=seed),
        hubs=Hubs(register, creator, cases=cases, first=numbers.dates.first),
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
    return register, writer.truth


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
