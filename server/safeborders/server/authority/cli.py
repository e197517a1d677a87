"""The commands of the federation's authority: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(
    help="Sign certificates and kits, on a machine without a network: the coordinator never holds these keys.",
    no_args_is_help=True,
)

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The authority's YAML profile.")]
ListOut = Annotated[Path, typer.Option("--out", help="File for the list; give it to the coordinator.")]

_COMMANDS = "safeborders.server.authority.commands"


@app.command("init")
def init(profile: Profile) -> None:
    """Make the authority's keys, encrypted under a passphrase, and show its fingerprint."""
    load_function(f"{_COMMANDS}:initialise")(profile)


@app.command("sign")
def sign(
    profile: Profile,
    requests: Annotated[list[Path], typer.Argument(help="Requests of the coordinator and of countries.")],
    out: Annotated[Path, typer.Option(help="Folder for the kits.")],
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(help="gr=91c4-…: a party's fingerprint as it was read out; a renewal needs none."),
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="The newest roster of keys, to travel with the kits.")] = None,
) -> None:
    """Answer requests with signed kits, once their fingerprints were compared over a second channel."""
    load_function(f"{_COMMANDS}:sign_requests")(
        profile, requests=requests, spoken=fingerprint or [], out=out, roster=roster
    )


@app.command("revoke")
def revoke(
    profile: Profile,
    party: Annotated[str, typer.Argument(help="gr, wb-al, …, or coordinator.")],
    out: ListOut,
    keep_key: Annotated[
        bool, typer.Option("--keep-key", help="Only its TLS key was lost: it may renew with the same signing key.")
    ] = False,
) -> None:
    """Revoke a party's certificates and its key; write the list of revoked certificates."""
    load_function(f"{_COMMANDS}:revoke_party")(profile, party=party, out=out, is_key_lost=not keep_key)


@app.command("revocations")
def revocations(profile: Profile, out: ListOut) -> None:
    """Write the list of revoked certificates anew; once a month is enough while nothing is revoked."""
    load_function(f"{_COMMANDS}:list_revoked")(profile, out=out)


@app.command("rotate")
def rotate(profile: Profile) -> None:
    """Make a new issuing authority: near its end, or when the coordinator gets a new name."""
    load_function(f"{_COMMANDS}:rotate")(profile)


@app.command("show")
def show(profile: Profile, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every party with its state, fingerprint and the end of its certificate; needs no passphrase."""
    load_function(f"{_COMMANDS}:show")(profile, as_json=json)
