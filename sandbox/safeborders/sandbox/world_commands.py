"""What the commands of the synthetic world do and print."""

import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from safeborders.kit.errors import SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.sandbox.training.exercise import write_exercise
from safeborders.sandbox.training.grading import Grade, exercise_of, grade_sheet, read_sheet
from safeborders.sandbox.world.creation import WorldSummary, create_world, write_world
from safeborders.sandbox.world.overview import Overview, look_at
from safeborders.sandbox.world.sizes import scaled_size

_console = Console(highlight=False)


def create(size: Mapping[str, object], *, seed: int, out: Path, quiet: bool) -> None:
    """Write a world of ``size`` (preset, or scale and countries) and say how much it is."""
    columns = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bars:
        task = bars.add_task("cases", total=None)

        def progress(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        scale, named = cast("int | None", size["scale"]), cast("tuple[str, ...]", size["countries"])
        if scale is None:
            if named:
                raise SettingsError("A preset has all nine countries: name countries with --scale only.")
            summary = create_world(preset=str(size["preset"]), seed=seed, out=out, progress=progress)
        else:
            chosen = tuple(map(country_named, named)) or DEMONSTRATION
            summary = write_world(scaled_size(scale, countries=chosen), seed=seed, out=out, progress=progress)
    _print_summary(summary, seconds=time.monotonic() - started, out=out)


def show(folder: Path, *, as_json: bool) -> None:
    """Print what is in the world in ``folder``."""
    overview = look_at(folder)
    if as_json:
        _console.print_json(json.dumps(overview.as_document()))
        return
    _print_overview(overview)


def exercise(world: Path, *, out: Path, country: str, network: str | None) -> None:
    """Write an exercise into ``out`` and say how to go on."""
    made = write_exercise(world, country=country_named(country), network=network, out=out)
    _console.print(f"Exercise about {len(made.cases)} cases with {len(made.tasks)} tasks, {made.points} points.")
    _console.print("1. Read the briefing, and the tables in the folder dossier beside it:")
    _console.print(f"   {out / 'briefing.md'}", soft_wrap=True)
    _console.print("2. Fill in the answer sheet:")
    _console.print(f"   {out / 'answers.yaml'}", soft_wrap=True)
    _console.print("3. Have it graded:")
    _console.print(f"   safeborders world check {out / 'answers.yaml'} --world {world}", soft_wrap=True)


def check(answers: Path, *, world_folder: Path, as_json: bool) -> None:
    """Print the grades of an answer sheet."""
    sheet = read_sheet(answers)
    made = exercise_of(sheet, world_folder)
    grades = grade_sheet(sheet, made)
    reached, points = sum(grade.points for grade in grades), made.points
    if as_json:
        rows = [{"task": g.task, "points": g.points, "of": g.most, "remark": g.remark} for g in grades]
        _console.print_json(json.dumps({"points": reached, "of": points, "tasks": rows}))
        return
    table = Table("task", "points", "remark", title=f"{reached:g} of {points} points", title_justify="left")
    for grade in grades:
        table.add_row(grade.task, f"{grade.points:g} of {grade.most}", _coloured(grade))
    _console.print(table)


def answer(answers: Path, *, world_folder: Path, task: str | None) -> None:
    """Print the key of an exercise, or of one task of it."""
    sheet = read_sheet(answers)
    made = exercise_of(sheet, world_folder)
    tasks = [one for one in made.tasks if task in {None, one.name}]
    if not tasks:
        raise SettingsError(f"The exercise has no such task: choose from {', '.join(one.name for one in made.tasks)}.")
    for one in tasks:
        _console.print(Markdown(f"**{one.name}**: {', '.join(sorted(one.answer))}\n\n{one.reason}\n"))


def country_named(code: str) -> Country:
    """Return the country of a code such as gr.

    Raises:
        SettingsError: If none of the nine has it.
    """
    found = next((country for country in DEMONSTRATION if country.value == code.lower()), None)
    if found is None:
        codes = ", ".join(country.value for country in DEMONSTRATION)
        raise SettingsError(f"The country is not in the synthetic world: name one of {codes}.")
    return found


def _print_summary(summary: WorldSummary, *, seconds: float, out: Path) -> None:
    table = Table("country", title=f"World in {out}", title_justify="left")
    for name in ("persons", "entities", "links", "statements"):
        table.add_column(name, justify="right")
    for country, counts in summary.rows.items():
        table.add_row(country.value, *(f"{count:,}" for count in (summary.persons[country], *counts)))
    _console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _console.print(f"{seconds:.1f} seconds, at most {peak:.0f} MiB. Nothing in it is about a real person.")


def _print_overview(overview: Overview) -> None:
    table = Table(title="What each country has", title_justify="left")
    for name in ("", "cases", "persons", "doubles", "networks", "abroad", "hubs", "unknown"):
        table.add_column(name, justify="right" if name else "left")
    for country, row in overview.countries.items():
        table.add_row(
            country,
            *(f"{count:,}" for count in (row.cases, row.persons, row.doubles, row.networks, row.abroad, row.hubs)),
            f"{row.unknown:.0%}",
        )
    _console.print(table)
    _console.print(
        "doubles: records beyond the first of a person · networks: planted, with a case here · abroad: things that "
        "another country knows too · hubs: innocent ones · unknown: indicators that nobody recorded\n"
    )
    kinds = Table("look alike and are not", title="Traps", title_justify="left")
    kinds.add_column("how many", justify="right")
    for kind, count in overview.traps.items():
        kinds.add_row(kind.replace("_", " "), f"{count:,}")
    _console.print(kinds)
    _console.print(
        f"{overview.hidden:,} true links are in no file · mixes of case types differ by {overview.divergence:.2f} bits "
        "(Jensen-Shannon)"
    )


def _coloured(grade: Grade) -> str:
    colour = "green" if grade.points == grade.most else "yellow" if grade.points else "red"
    return f"[{colour}]{grade.remark}[/{colour}]"
