"""The commands of the synthetic world: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="The synthetic world: create it, look at it, practise in it.", no_args_is_help=True)

_COMMANDS = "safeborders.sandbox.world_commands"
_World = Annotated[Path, typer.Argument(help="Folder that `safeborders world create` wrote.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def world() -> None:
    """The synthetic world: create it, look at it, practise in it."""


@app.command("create")
def create(  # each is an option of the command
    out: Annotated[Path, typer.Option(help="Folder for the import files and, apart, the ground truth; new or empty.")],
    preset: Annotated[str, typer.Option(help="Size: tiny, demo or bench.")] = "demo",
    scale: Annotated[
        int | None, typer.Option(help="Persons per country, 100 to 1,000,000, instead of a preset.")
    ] = None,
    country: Annotated[list[str] | None, typer.Option(help="With --scale: only this country; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Write import files for each country, and in a folder that no node reads what is true."""
    size = {"preset": preset, "scale": scale, "countries": tuple(country or ())}
    load_function(f"{_COMMANDS}:create")(size, seed=seed, out=out, quiet=quiet)


@app.command("show")
def show(world_folder: _World, json: _Json = False) -> None:
    """Show what is in a world, country by country, and what was planted in it."""
    load_function(f"{_COMMANDS}:show")(world_folder, as_json=json)


@app.command("exercise")
def exercise(
    world_folder: _World,
    out: Annotated[Path, typer.Option(help="Folder for the exercise; new or empty.")],
    country: Annotated[str, typer.Option(help="Whose investigator you are.")] = "gr",
    network: Annotated[str | None, typer.Option(help="A planted network; default: one that suits.")] = None,
) -> None:
    """Write a dossier, tasks and an answer sheet about one planted network; the key stays in the world."""
    load_function(f"{_COMMANDS}:exercise")(world_folder, out=out, country=country, network=network)


@app.command("check")
def check(
    answers: Annotated[Path, typer.Argument(help="The answer sheet, answers.yaml, filled in.")],
    world_folder: Annotated[Path, typer.Option("--world", help="The world that the exercise was made from.")],
    json: _Json = False,
) -> None:
    """Grade an answer sheet: points and what is wrong, without telling the answer."""
    load_function(f"{_COMMANDS}:check")(answers, world_folder=world_folder, as_json=json)


@app.command("answer")
def answer(
    answers: Annotated[Path, typer.Argument(help="The answer sheet of the exercise, filled in or not.")],
    world_folder: Annotated[Path, typer.Option("--world", help="The world that the exercise was made from.")],
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
) -> None:
    """Show the answer key with the reasons: for the trainer, or when you give up."""
    load_function(f"{_COMMANDS}:answer")(answers, world_folder=world_folder, task=task)
