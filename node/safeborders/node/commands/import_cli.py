"""The commands that bring files into the country's database: thin, so that ``--help`` answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Bring files into the country's database, and take them back.", no_args_is_help=True)

_COMMANDS = "safeborders.node.commands.imports"

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]
Places = Annotated[list[Path], typer.Argument(help="Import files, or folders of them.")]
Format = Annotated[str, typer.Option("--format", "-f", help="safeborders, ftm, csv, ctdc or htcds.")]
Mapping = Annotated[Path | None, typer.Option("--mapping", "-m", help="What the columns mean (YAML); for csv.")]
Envelope = Annotated[
    Path | None, typer.Option("--envelope", "-e", help="What may be done with rows that do not say so (YAML).")
]
KeepGood = Annotated[bool, typer.Option("--keep-good", help="Take in the good rows of a file that has bad ones.")]
Unconfined = Annotated[
    bool, typer.Option("--without-confinement", help="Parse although the network cannot be taken away here.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Choice:
    """How an operator wants files read."""

    format_name: str
    mapping: Path | None
    envelope: Path | None
    keep_good: bool
    without_confinement: bool


def _add_reading(name: str, function: str, *, said: str) -> None:
    """Add a command that reads files; all of them take the same options."""

    @app.command(name, help=said)
    def read(
        profile: Profile,
        places: Places,
        format_name: Format = "safeborders",
        mapping: Mapping = None,
        envelope: Envelope = None,
        keep_good: KeepGood = False,
        without_confinement: Unconfined = False,
        quiet: Quiet = False,
        json: Json = False,
    ) -> None:
        choice = Choice(format_name, mapping, envelope, keep_good, without_confinement)
        load_function(f"{_COMMANDS}:{function}")(profile, places, choice=choice, quiet=quiet, as_json=json)


_add_reading(
    "plan", "plan_import", said="Say what an import would do, and change nothing; exit 1 when a file would be refused."
)
_add_reading(
    "apply",
    "apply_import",
    said="Take files in: each whole or not at all; what was taken in before is passed over.",
)


@app.command("undo")
def undo(profile: Profile, number: Annotated[int, typer.Argument(help="The import, as import list shows it.")]) -> None:
    """Take one import back, exactly: nothing of it stays, and nothing else changes."""
    load_function(f"{_COMMANDS}:undo_one_import")(profile, number)


@app.command("list")
def list_imports(profile: Profile, json: Json = False) -> None:
    """Show all imports, the latest first."""
    load_function(f"{_COMMANDS}:show_imports")(profile, as_json=json)
