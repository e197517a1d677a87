"""Plans the planted networks: how many, of which type, how large, and what spans two countries."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import count
from random import Random

from safeborders.models.domain.countries import Country
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.chance import day_between, geometric
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.truth import Cell, Individual, Network, Selector, Tie
from safeborders.sandbox.world.weaving import ROLES, day_of_tie, weave

_FIRMS: Mapping[CaseType, str] = {CaseType.T4: "Agro", CaseType.T7: "Mediation"}
_SUSPECT_AGES = (18, 58)
_ONE_SURNAME = frozenset({"sibling", "parent", "cousin", "spouse"})


class NetworkPlanner:
    """Plans networks until every country has the cases that belong to one."""

    def __init__(self, numbers: Numbers, creators: Mapping[Country, Creator], *, chance: Random) -> None:
        self._numbers = numbers
        self._creators = creators
        self._chance = chance
        self._names = count(1)

    def plan(self, cases: Mapping[Country, int]) -> list[Network]:
        """Return networks whose cells have, in each country, exactly as many cases as ``cases`` says."""
        left = dict(cases)
        networks: list[Network] = []
        for home in cases:
            while left[home] > 0:
                networks.append(self._network(f"N{next(self._names):04d}", home, left))
        return networks

    def _network(self, name: str, home: Country, left: dict[Country, int]) -> Network:
        chance = self._chance
        size = min(self._size(), 4 + 4 * left[home])
        case_type = pick_type(chance, self._numbers.countries[home].mix)
        places = [home, *self._abroad(home, size, left)]
        wanted = 2 + geometric(chance, mean=size / 4, most=16)
        cells = []
        for place, country in enumerate(places):
            cases = min(left[country], wanted if place == 0 else max(1, wanted // 2))
            left[country] -= cases
            cells.append(Cell(country=country, cases=cases))
        network = Network(
            name=name,
            case_type=case_type,
            home=home,
            active=self._active(),
            cells=cells,
            firm=_FIRMS.get(case_type, ""),
            outside=size >= 8 and chance.random() < self._numbers.outside[home],
        )
        for cell, members in zip(cells, _shares(size, len(cells)), strict=True):
            fill_cell(self._creators[cell.country], cell, size=members, network=network, numbers=self._numbers)
        for foreign in cells[1:]:
            self._share(network, foreign)
        return network

    def _size(self) -> int:
        roll = self._chance.random()
        for share, smallest, largest in self._numbers.networks.sizes:
            if roll < share:
                return smallest + int(self._chance.random() * (largest - smallest + 1))
            roll -= share
        return self._numbers.networks.sizes[0][1]

    def _abroad(self, home: Country, size: int, left: Mapping[Country, int]) -> list[Country]:
        roll, numbers = self._chance.random(), self._numbers.networks
        if size < 8 or roll >= numbers.two_countries + numbers.three_countries:
            return []
        weights = {one: weight for one, weight in self._numbers.corridors[home].items() if left.get(one, 0) > 0}
        count = 2 if roll < numbers.three_countries else 1
        picked: list[Country] = []
        while weights and len(picked) < count:
            picked.append(self._chance.choices(tuple(weights), weights=tuple(weights.values()))[0])
            del weights[picked[-1]]
        return picked

    def _active(self) -> tuple[date, date]:
        dates = self._numbers.dates
        start = day_between(self._chance, (dates.first, dates.last - timedelta(days=200)))
        return start, min(dates.last, start + timedelta(days=365 + int(self._chance.random() * 1460)))

    def _share(self, network: Network, foreign: Cell) -> None:
        """Let ``foreign`` use one to five things, or persons, of the home cell."""
        home, chance = network.cells[0], self._chance
        for _ in range(1 + int(chance.random() * 5)):
            lender, borrower = chance.choice(home.members), chance.choice(foreign.members)
            home.seen.append(lender)
            foreign.seen.append(borrower)
            what = chance.random()
            shared: Selector | Individual
            if what < 0.3:
                shared = lender
                foreign.members.append(lender)
                foreign.seen.append(lender)
                foreign.ties.append(Tie(lender, borrower, day_of_tie(chance, network.active)))
            else:
                shared = _lend(lender, borrower, self._creators[home.country], share=(what - 0.3) / 0.7)
            network.shared.append(shared)


def pick_type(chance: Random, mix: Sequence[float]) -> CaseType:
    """Return a type by its share in ``mix``."""
    return chance.choices(tuple(CaseType), weights=mix)[0]


def fill_cell(creator: Creator, cell: Cell, *, size: int, network: Network, numbers: Numbers) -> None:
    """Give ``cell`` its members with their phones, its ties, places and vehicles."""
    chance, case_type = creator.chance, network.case_type
    roles = ROLES[case_type]
    for place in range(size):
        role = roles[place % len(roles)] if place < len(roles) else chance.choice(roles)
        member = creator.individual(
            role, ages=_SUSPECT_AGES, on=network.active[0], women=numbers.per_case.women[case_type]
        )
        member.network = network.name
        creator.equip(member, phones=numbers.per_case.phones["suspect"])
        cell.members.append(member)
    planned, closed = weave(chance, cell.members, case_type=case_type, closure=numbers.networks.closure)
    for close, pairs in ((True, planned), (False, closed)):
        for first, second, kin in pairs:
            cell.ties.append(Tie(first, second, day_of_tie(chance, network.active), kin, close))
    for tie in cell.ties:
        if tie.kin in _ONE_SURNAME:
            creator.join_family(tie.second, tie.first)
    rotation = case_type in {CaseType.T2, CaseType.T3, CaseType.T5}
    kinds = ("street", "private") if rotation else ("private", "business", "hotel")
    cell.places = [creator.place(chance.choice(kinds)) for _ in range(3 + int(chance.random() * 4) if rotation else 2)]
    cell.vehicles = [creator.vehicle() for _ in range(1 + size // 8)]


def _lend(lender: Individual, borrower: Individual, creator: Creator, *, share: float) -> Selector:
    """Let ``borrower`` use a phone, vehicle, account or document of ``lender``; ``share`` of [0, 1) says which."""
    lent: Sequence[tuple[float, list[Selector], list[Selector], Callable[[], Selector]]] = (
        (0.35, lender.phones, borrower.phones, creator.phone),
        (0.57, lender.vehicles, borrower.vehicles, creator.vehicle),
        (0.72, lender.money, borrower.money, creator.money),
        (0.87, lender.accounts, borrower.accounts, creator.account),
        (1.00, lender.documents, borrower.documents, lambda: creator.document(forged=False)),
    )
    _, owned, borrowed, create = next(way for way in lent if share < way[0])
    if not owned:
        owned.append(create())
    borrowed.append(owned[0])
    return owned[0]


def _shares(size: int, cells: int) -> list[int]:
    abroad = [max(2, int(size * 0.4 / (cells - 1)))] * (cells - 1) if cells > 1 else []
    return [max(2, size - sum(abroad)), *abroad]
