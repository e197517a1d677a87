"""The commands by which a country keeps roster and agreement: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Keep the roster of keys and the agreement, and see what was decided.", no_args_is_help=True)

_COMMANDS = "safeborders.node.commands.agreement"
Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("keys")
def keys(
    profile: Profile,
    out: Annotated[Path, typer.Option(help="File for the card of public keys.")],
    auditor: Annotated[
        bool, typer.Option("--auditor", help="Make a key of its own for co-signing the others' audit logs.")
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="With a new agreement key, which counts once a roster lists it.")
    ] = False,
) -> None:
    """Write this country's card of public keys for the roster; make the agreement key if there is none."""
    load_function(f"{_COMMANDS}:write_card")(profile, out=out, with_auditor=auditor, renew=renew)


@app.command("roster")
def roster(
    profile: Profile,
    file: Annotated[Path, typer.Argument(help="A signed roster.")],
    fingerprint: Annotated[
        str, typer.Option(help="For the first roster: its fingerprint as another country read it out.")
    ] = "",
) -> None:
    """Keep the first roster, or follow it with its next version."""
    load_function(f"{_COMMANDS}:keep_roster")(profile, file=file, fingerprint=fingerprint)


@app.command("adopt")
def adopt(profile: Profile, file: Annotated[Path, typer.Argument(help="The agreement that all signed.")]) -> None:
    """Keep an agreement, or its next version; a standing approval has to be given anew under it."""
    load_function(f"{_COMMANDS}:adopt_agreement")(profile, file=file)


@app.command("end")
def end(profile: Profile, file: Annotated[Path, typer.Argument(help="A party's declaration.")]) -> None:
    """Keep a party's declaration that the agreement ends."""
    load_function(f"{_COMMANDS}:end_agreement")(profile, file=file)


@app.command("countersign")
def countersign(
    profile: Profile, manifest: Annotated[Path, typer.Argument(help="A run's manifest; the signature is added to it.")]
) -> None:
    """Stand behind a run: check its manifest against the agreement and this country's own caps, then sign it."""
    load_function(f"{_COMMANDS}:countersign_run")(profile, file=manifest)


@app.command("status")
def status(profile: Profile, json: Json = False) -> None:
    """Show where this country stands: enrolled, expiring, revoked; roster, agreement, and whether it binds today."""
    load_function(f"{_COMMANDS}:show_status")(profile, as_json=json)


@app.command("decisions")
def decisions(
    profile: Profile,
    last: Annotated[int, typer.Option(help="How many, newest last.")] = 20,
    json: Json = False,
) -> None:
    """Show what the agreement allowed and refused here, and by which clause."""
    load_function(f"{_COMMANDS}:show_decisions")(profile, last=last, as_json=json)
