"""The commands about the roster of keys, for both sides: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Draft, sign and follow the roster of keys.", no_args_is_help=True)

_COMMANDS = "safeborders.configs.roster_command"


@app.command("draft")
def draft(
    federation: Annotated[str, typer.Argument(help="Name of the federation.")],
    members: Annotated[list[Path], typer.Argument(help="Key cards of all members (safeborders ... keys).")],
    out: Annotated[Path, typer.Option(help="File for the roster that the countries sign.")],
    after: Annotated[Path | None, typer.Option(help="The roster in force; none for the first.")] = None,
    days: Annotated[int, typer.Option(help="How long it is good, at most 180.")] = 90,
) -> None:
    """Write the next roster from the members' key cards; a member without a card is no longer one."""
    load_function(f"{_COMMANDS}:draft_next_roster")(federation, members=members, out=out, after=after, days=days)


@app.command("sign")
def sign(
    roster: Annotated[Path, typer.Argument(help="The roster; your signature is added to it.")],
    key: Annotated[Path, typer.Option("--key", "-k", help="Your agreement key (PEM).")],
) -> None:
    """Add your signature. Look at it first: safeborders roster show."""
    load_function(f"{_COMMANDS}:sign_draft")(roster, key=key)


@app.command("show")
def show(
    roster: Annotated[Path, typer.Argument(help="A roster.")],
    after: Annotated[Path | None, typer.Option(help="The roster before: shows what changes.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show members, fingerprints, who has signed and how many are missing."""
    load_function(f"{_COMMANDS}:show_roster")(roster, after=after, as_json=json)
