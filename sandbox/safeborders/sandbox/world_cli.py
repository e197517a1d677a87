"""The commands of the synthetic world: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Create the synthetic world of nine countries.", no_args_is_help=True)


@app.callback()
def world() -> None:
    """Create the synthetic world of nine countries."""


@app.command("create")
def create(
    out: Annotated[Path, typer.Option(help="Folder for the import files and, apart, the ground truth; new or empty.")],
    preset: Annotated[str, typer.Option(help="Size: tiny, demo or bench.")] = "demo",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
) -> None:
    """Write import files for each country, and in a folder that no node reads what is true."""
    summary = load_function("safeborders.sandbox.world.creation:create_world")(preset=preset, seed=seed, out=out)
    typer.echo(str(summary))
