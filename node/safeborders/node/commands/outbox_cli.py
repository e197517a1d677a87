"""What leaves, at the command line: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="See byte for byte what leaves this node, before it does.", no_args_is_help=True)

_COMMANDS = "safeborders.node.commands.outbox"
Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Run = Annotated[str, typer.Argument(help="Name of the run.")]
Round = Annotated[int, typer.Argument(min=1, help="Number of the round.")]


@app.command("list")
def list_rounds(profile: Profile, json: Json = False) -> None:
    """List every round that was charged, and how far its update has come."""
    load_function(f"{_COMMANDS}:list_rounds")(profile, as_json=json)


@app.command("show")
def show(
    profile: Profile,
    run: Run,
    number: Round,
    json: Json = False,
    to: Annotated[Path | None, typer.Option("--bytes", help="File to write the payload to, as it leaves.")] = None,
) -> None:
    """Show one update: tensors, norms against the noise, masks, the signed envelope, clause and ledger."""
    load_function(f"{_COMMANDS}:show_round")(profile, place=(run, number), as_json=json, out=to)


@app.command("release")
def release(
    profile: Profile,
    run: Run,
    number: Round,
    name: Annotated[str, typer.Option("--as", help="Your name; your login is kept with it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; others will read it.")],
) -> None:
    """Let a held update go."""
    load_function(f"{_COMMANDS}:release_round")(profile, place=(run, number), name=name, reason=reason)
