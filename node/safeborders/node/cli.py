"""The commands of a node's operator: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function
from safeborders.node.commands import (
    agreement_cli,
    approvals_cli,
    export_cli,
    import_cli,
    lifecycle_cli,
    outbox_cli,
    resolution_cli,
)

app = typer.Typer(help="Run a country's node.", no_args_is_help=True)
app.add_typer(agreement_cli.app, name="agreement")
app.add_typer(approvals_cli.app, name="approvals")
app.add_typer(outbox_cli.app, name="outbox")
app.add_typer(import_cli.app, name="import")
app.add_typer(resolution_cli.app, name="resolve")
app.add_typer(lifecycle_cli.retention, name="retention")
app.add_typer(lifecycle_cli.subject, name="subject")
app.add_typer(lifecycle_cli.handling, name="handling")

app.command("export")(export_cli.export)

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]

_COMMANDS = "safeborders.node.commands.identity"


@app.command("init")
def init(profile: Profile) -> None:
    """Make the node's keys and its empty, encrypted database."""
    load_function(f"{_COMMANDS}:initialise")(profile)


@app.command("enrol")
def enrol(
    profile: Profile,
    out: Annotated[Path, typer.Option(help="File to write the request to; send it to the coordinator.")],
) -> None:
    """Write the request to join and show the fingerprint to read out; again later, to renew the certificate."""
    load_function(f"{_COMMANDS}:write_enrolment_request")(profile, out=out)


@app.command("join")
def join(
    profile: Profile,
    kit: Annotated[Path, typer.Argument(help="The authority's kit.")],
    fingerprint: Annotated[
        str, typer.Option(help="The authority's fingerprint as it was read out; a renewal needs none.")
    ] = "",
) -> None:
    """Check the kit that the authority signed and keep it."""
    load_function(f"{_COMMANDS}:join_federation")(profile, file=kit, spoken=fingerprint)


@app.command("rekey")
def rekey(
    profile: Profile, yes: Annotated[bool, typer.Option("--yes", help="The old keys will be gone.")] = False
) -> None:
    """Make new keys after the old ones were lost or revoked; the records stay, and the node enrols anew."""
    load_function(f"{_COMMANDS}:replace_keys")(profile, is_sure=yes)


@app.command("run")
def run(profile: Profile) -> None:
    """Run the node: learning, connection to the coordinator, and API, until it is stopped."""
    load_function("safeborders.node.supervision:run_node")(profile)


@app.command("budget")
def budget(
    profile: Profile,
    plan: Annotated[
        Path | None, typer.Option(help="Manifest of a run (or its plan, as JSON): also show its cost.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the privacy budget: spent, left, rounds that still fit, and what a plan would cost."""
    load_function("safeborders.node.commands.budget:show_budget")(profile, plan=plan, as_json=json)


@app.command("token")
def token(
    profile: Profile,
    name: Annotated[str, typer.Argument(help="Who will use the token.")],
    role: Annotated[str, typer.Option(help="Role of the holder.")] = "investigator",
) -> None:
    """Make a token for the node's API; it is shown once."""
    load_function(f"{_COMMANDS}:create_access_token")(profile, name=name, role=role)


@app.command("revoke-token")
def revoke_token(profile: Profile, name: Annotated[str, typer.Argument(help="Whose token.")]) -> None:
    """Refuse a token of the node's API from now on."""
    load_function(f"{_COMMANDS}:revoke_access_token")(profile, name=name)
