"""The commands by which the coordinator keeps roster and agreement: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Keep the roster of keys and the agreement, and see what was decided.", no_args_is_help=True)

_COMMANDS = "safeborders.server.commands.agreement"
Profile = Annotated[Path, typer.Option("--profile", "-p", help="The coordinator's YAML profile.")]


@app.command("keys")
def keys(
    profile: Profile,
    out: Annotated[Path, typer.Option(help="File for the card of public keys.")],
    renew: Annotated[
        bool, typer.Option("--renew", help="With a new agreement key, which counts once a roster lists it.")
    ] = False,
) -> None:
    """Write the coordinator's card of public keys for the roster; make the agreement key if there is none."""
    load_function(f"{_COMMANDS}:write_card")(profile, out=out, renew=renew)


@app.command("roster")
def roster(
    profile: Profile,
    file: Annotated[Path, typer.Argument(help="A signed roster.")],
    fingerprint: Annotated[str, typer.Option(help="For the first roster: its fingerprint as it was read out.")] = "",
) -> None:
    """Keep the first roster, or follow it with its next version."""
    load_function(f"{_COMMANDS}:keep_roster")(profile, file=file, fingerprint=fingerprint)


@app.command("adopt")
def adopt(profile: Profile, file: Annotated[Path, typer.Argument(help="The agreement that all signed.")]) -> None:
    """Keep an agreement, or its next version."""
    load_function(f"{_COMMANDS}:adopt_agreement")(profile, file=file)


@app.command("end")
def end(profile: Profile, file: Annotated[Path, typer.Argument(help="A party's declaration.")]) -> None:
    """Keep a party's declaration that the agreement ends."""
    load_function(f"{_COMMANDS}:end_agreement")(profile, file=file)


@app.command("decisions")
def decisions(profile: Profile, last: Annotated[int, typer.Option(help="How many, newest last.")] = 20) -> None:
    """Print what the agreement allowed and refused here, one JSON document a line."""
    load_function(f"{_COMMANDS}:show_decisions")(profile, last=last)
