"""The commands of a node's operator: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function
from safeborders.node.agreement_cli import app as agreement_app
from safeborders.node.approvals_cli import app as approvals_app
from safeborders.node.outbox_cli import app as outbox_app

app = typer.Typer(help="Run a country's node.", no_args_is_help=True)
app.add_typer(agreement_app, name="agreement")
app.add_typer(approvals_app, name="approvals")
app.add_typer(outbox_app, name="outbox")

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]

_COMMANDS = "safeborders.node.commands"


@app.command("init")
def init(profile: Profile) -> None:
    """Make the node's keys and its empty, encrypted database."""
    load_function(f"{_COMMANDS}:initialise")(profile)


@app.command("enrol")
def enrol(
    profile: Profile,
    out: Annotated[Path, typer.Option(help="File to write the request to; send it to the coordinator.")],
) -> None:
    """Write the request to join and show the fingerprint to read out."""
    load_function(f"{_COMMANDS}:write_enrolment_request")(profile, out=out)


@app.command("join")
def join(
    profile: Profile,
    admission: Annotated[Path, typer.Argument(help="The coordinator's answer.")],
    fingerprint: Annotated[str, typer.Option(help="The coordinator's fingerprint as it was read out.")],
) -> None:
    """Check the coordinator's answer and keep it."""
    load_function(f"{_COMMANDS}:join_federation")(profile, admission=admission, expected=fingerprint)


@app.command("import")
def import_files(
    profile: Profile,
    folder: Annotated[Path, typer.Argument(help="Folder with the import files.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Read import files into the country's database: each file whole or not at all."""
    load_function("safeborders.node.import_command:import_folder")(profile, folder=folder, quiet=quiet)


@app.command("run")
def run(profile: Profile) -> None:
    """Run the node: learning, connection to the coordinator, and API, until it is stopped."""
    load_function("safeborders.node.supervision:run_node")(profile)


@app.command("budget")
def budget(
    profile: Profile,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the privacy budget: spent, left and cap."""
    load_function("safeborders.node.budget_command:show_budget")(profile, as_json=json)


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
