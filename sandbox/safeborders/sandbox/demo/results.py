"""What the demonstration found, for a person's eye and for machines."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from safeborders.kit.files import write_atomically
from safeborders.models.domain.countries import Country


@dataclass(frozen=True)
class Scores:
    """Scores of one task in one country, each in [0, 1]."""

    local: float
    federated: float
    personalised: float


@dataclass(frozen=True)
class CountryResult:
    """What one country got and gave; no scores of roles where the run did not train them."""

    typology: Scores
    links: Scores
    epsilon_local: float
    epsilon_sum: float
    bytes_sent: int
    roles: Scores | None = None


@dataclass(frozen=True)
class DemoResult:
    """The outcome of one demonstration."""

    countries: Mapping[Country, CountryResult]
    central_typology: float
    central_links: float
    central_roles: float
    rounds: int
    seconds: float

    def after(self, seconds: float) -> Self:
        """Return the same outcome with the time that it took."""
        return replace(self, seconds=seconds)

    def to_json(self) -> dict[str, object]:
        """Return the machine form; ``local``, ``federated``, ``personalised``, ``central`` are typology accuracies."""
        return {
            "countries": {
                country.value: {
                    **asdict(result.typology),
                    "links": asdict(result.links),
                    **({"roles": asdict(result.roles)} if result.roles else {}),
                    "epsilon_local": result.epsilon_local,
                    "epsilon_sum": result.epsilon_sum,
                    "bytes_sent": result.bytes_sent,
                }
                for country, result in self.countries.items()
            },
            "central": self.central_typology,
            "central_links": self.central_links,
            "central_roles": self.central_roles,
            "rounds": self.rounds,
            "seconds": round(self.seconds, 1),
        }


def write_result(result: DemoResult, path: Path) -> None:
    """Write the machine form to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(result.to_json(), indent=1).encode(), mode=0o644)


def print_result(result: DemoResult, console: Console) -> None:
    """Print one table, at most 80 columns wide, and the sentences that explain it."""
    table = Table(title="What federation was worth", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("\n", no_wrap=True)
    for group in ("type", "links"):
        for name in ("local", "fed.", "pers."):
            table.add_column(f"{group}\n{name}", justify="right", no_wrap=True)
    for heading in ("ε\nlocal", "ε\nsum", "kB\nsent"):
        table.add_column(heading, justify="right", no_wrap=True)
    for country, row in result.countries.items():
        scores = (*asdict(row.typology).values(), *asdict(row.links).values())
        table.add_row(
            country.value.upper(),
            *(f"{100 * score:.1f}" for score in scores),
            f"{row.epsilon_local:.2f}",
            f"{row.epsilon_sum:.2f}",
            f"{row.bytes_sent / 1000:.0f}",
        )
    table.add_section()
    table.add_row("mean", *(f"{100 * mean:.1f}" for mean in _means(result)), "", "", "")
    console.print(table)
    _print_roles(result, console)
    console.print(
        f"pooled without privacy, which nobody may do: type {100 * result.central_typology:.1f}, "
        f"links {100 * result.central_links:.1f}, "
        f"part {100 * result.central_roles:.1f}\n"
        "type   accuracy in % on cases without a label\n"
        "part   accuracy in % on the parts of suspects that nobody stated\n"
        "links  area under the ROC curve in % on hidden links\n"
        "local  own data only · fed.  federated model alone · pers.  what a node serves\n"
        "ε      local: against everybody · sum: against those who see only the sum\n"
        f"{result.rounds} rounds, {result.seconds:.0f} seconds. Everything in this world is synthetic."
    )


def _print_roles(result: DemoResult, console: Console) -> None:
    """Print how often the part of a suspect was found, country by country; nothing where roles were not learnt."""
    rows = {country: row.roles for country, row in result.countries.items() if row.roles is not None}
    if not rows:
        return
    table = Table(box=SIMPLE_HEAD)
    table.add_column("part", no_wrap=True)
    for country in rows:
        table.add_column(country.value.upper(), justify="right", no_wrap=True)
    table.add_column("mean", justify="right", no_wrap=True)
    for name, short in (("local", "local"), ("federated", "fed."), ("personalised", "pers.")):
        scores = [100 * float(getattr(one, name)) for one in rows.values()]
        table.add_row(short, *(f"{score:.1f}" for score in (*scores, sum(scores) / len(scores))))
    console.print(table)


def _means(result: DemoResult) -> list[float]:
    rows = [(*asdict(row.typology).values(), *asdict(row.links).values()) for row in result.countries.values()]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]
