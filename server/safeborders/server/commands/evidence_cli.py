"""The commands about the evidence that a run's model is anonymous: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Collect the evidence that a run's final model is anonymous.", no_args_is_help=True)

_COMMANDS = "safeborders.server.commands.evidence"
Profile = Annotated[Path, typer.Option("--profile", "-p", help="The coordinator's YAML profile.")]
Run = Annotated[str, typer.Argument(help="Name of the run.")]


@app.command("candidate")
def candidate(profile: Profile, run: Run, out: Annotated[Path, typer.Option(help="File for the model.")]) -> None:
    """Write the run's final model for its auditors; each country attacks it with safeborders audit privacy."""
    load_function(f"{_COMMANDS}:write_candidate")(profile, run=run, out=out)


@app.command("add")
def add(profile: Profile, files: Annotated[list[Path], typer.Argument(help="Evidence that countries signed.")]) -> None:
    """Keep evidence, for or against a model; it is never taken out again."""
    load_function(f"{_COMMANDS}:keep_evidence")(profile, files=files)


@app.command("show")
def show(profile: Profile, run: Run, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show which countries have shown evidence for the run's final model, and what is missing."""
    load_function(f"{_COMMANDS}:show_evidence")(profile, run=run, as_json=json)
