"""The approval inbox at the command line: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Decide which runs this node takes part in.", no_args_is_help=True)
standing = typer.Typer(help="Approve beforehand, within limits.", no_args_is_help=True)
app.add_typer(standing, name="standing")

_COMMANDS = "safeborders.node.commands.approvals"
Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Run = Annotated[str, typer.Argument(help="Name of the run.")]
Name = Annotated[str, typer.Option("--as", help="Your name; your login is kept with it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; others will read it.")]
Manifest = Annotated[str, typer.Option("--manifest", help="Hash of the manifest that you looked at.")]


@app.command("list")
def list_runs(profile: Profile, json: Json = False) -> None:
    """List the runs that asked for this country, newest first."""
    load_function(f"{_COMMANDS}:list_runs")(profile, as_json=json)


@app.command("show")
def show(profile: Profile, run: Run, json: Json = False) -> None:
    """Show what a run would do here, what it costs, and what would leave."""
    load_function(f"{_COMMANDS}:show_run")(profile, run=run, as_json=json)


@app.command("approve")
def approve(profile: Profile, run: Run, name: Name, reason: Reason, manifest: Manifest = "") -> None:
    """Approve a run; in production another person must do so too."""
    said = {"verdict": "approve", "name": name, "reason": reason, "manifest": manifest}
    load_function(f"{_COMMANDS}:decide")(profile, run=run, said=said)


@app.command("refuse")
def refuse(profile: Profile, run: Run, name: Name, reason: Reason, manifest: Manifest = "") -> None:
    """Refuse a run; it stays refused."""
    said = {"verdict": "refuse", "name": name, "reason": reason, "manifest": manifest}
    load_function(f"{_COMMANDS}:decide")(profile, run=run, said=said)


@app.command("withdraw")
def withdraw(profile: Profile, run: Run, name: Name, reason: Reason, manifest: Manifest = "") -> None:
    """Withdraw from a run at once: nothing more leaves for it."""
    said = {"verdict": "withdraw", "name": name, "reason": reason, "manifest": manifest}
    load_function(f"{_COMMANDS}:decide")(profile, run=run, said=said)


@standing.command("list")
def list_standing(profile: Profile, json: Json = False) -> None:
    """List the standing approvals and what is left of them."""
    load_function(f"{_COMMANDS}:list_standing")(profile, as_json=json)


@standing.command("add")
def add_standing(
    profile: Profile,
    limits: Annotated[
        Path, typer.Argument(help="YAML file with the limits, as configs/profiles/standing.example.yaml shows.")
    ],
    name: Name,
    reason: Reason,
) -> None:
    """Approve beforehand what is within the limits; in production another person adds the same file too."""
    load_function(f"{_COMMANDS}:add_standing")(profile, file=limits, name=name, reason=reason)


@standing.command("withdraw")
def withdraw_standing(
    profile: Profile,
    number: Annotated[str, typer.Argument(help="First digits of its number.")],
    name: Name,
    reason: Reason,
) -> None:
    """Withdraw a standing approval; the runs that it covers stop with the next message."""
    load_function(f"{_COMMANDS}:withdraw_standing")(profile, number=number, name=name, reason=reason)
