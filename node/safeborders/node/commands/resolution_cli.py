"""The commands about records that may be one person: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Decide which records are one person.", no_args_is_help=True)

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]
First = Annotated[str, typer.Argument(help="Identifier of one record.")]
Second = Annotated[str, typer.Argument(help="Identifier of the other.")]
Name = Annotated[str, typer.Option("--by", help="Who decides; the account's name when absent.")]
Note = Annotated[str, typer.Option("--reason", help="Why, without names or numbers: the journal keeps it for good.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_COMMANDS = "safeborders.node.commands.resolution"


@app.command("run")
def run(
    profile: Profile,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Look for records that may be one person; decisions stay as they are."""
    load_function(f"{_COMMANDS}:find")(profile, as_json=json, quiet=quiet)


@app.command("list")
def list_pairs(
    profile: Profile,
    verdict: Annotated[str, typer.Option(help="open, same, different or all.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="Most pairs to show.")] = 20,
    json: Json = False,
) -> None:
    """Show pairs of records, the most probable first, and decisions that contradict each other."""
    load_function(f"{_COMMANDS}:show_list")(profile, verdict=verdict, limit=limit, as_json=json)


@app.command("show")
def show(profile: Profile, first: First, second: Second, json: Json = False) -> None:
    """Show what speaks for and against two records being one person, and what was decided."""
    load_function(f"{_COMMANDS}:show_pair")(profile, pair=(first, second), as_json=json)


@app.command("accept")
def accept(profile: Profile, first: First, second: Second, reason: Note, by: Name = "") -> None:
    """Make two records one person."""
    load_function(f"{_COMMANDS}:accept")(profile, pair=(first, second), name=by, note=reason)


@app.command("reject")
def reject(profile: Profile, first: First, second: Second, reason: Note, by: Name = "") -> None:
    """Tell two records apart."""
    load_function(f"{_COMMANDS}:reject")(profile, pair=(first, second), name=by, note=reason)


@app.command("undo")
def undo(profile: Profile, first: First, second: Second, reason: Note, by: Name = "") -> None:
    """Take a decision back, exactly."""
    load_function(f"{_COMMANDS}:undo")(profile, pair=(first, second), name=by, note=reason)


@app.command("auto")
def auto(profile: Profile, by: Name = "") -> None:
    """Accept what the profile's rule allows; never a victim, a minor or a professional."""
    load_function(f"{_COMMANDS}:accept_by_rule")(profile, name=by)


@app.command("reindex")
def reindex(
    profile: Profile, quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False
) -> None:
    """Make all match keys anew, after the rules of normalisation changed."""
    load_function(f"{_COMMANDS}:reindex")(profile, quiet=quiet)
