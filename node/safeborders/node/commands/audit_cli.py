"""The commands of those who answer for a node's audit log and for the privacy of what it releases."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function
from safeborders.kit.transparency.desk_cli import build_desk

app = build_desk("safeborders.node.commands.audit", words="Check and hand out a node's audit log; attack its models.")


@app.command("privacy")
def privacy(
    profile: Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File for the signed evidence; default: anonymity_evidence.json in the state folder."),
    ] = None,
    reviewer: Annotated[
        str, typer.Option(help="Who looks at the outcome; without a name the evidence is not complete.")
    ] = "",
    candidate: Annotated[
        Path | None, typer.Option(help="A final model that waits for its evidence; default: the model in use.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Attack a released model, keep and sign the evidence of its anonymity; send the file to the coordinator."""
    load_function("safeborders.node.commands.privacy_audit:audit_privacy")(
        profile, out=out, reviewer=reviewer, candidate=candidate, as_json=json
    )


@app.command("auditor")
def auditor(
    profile: Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")],
    name: Annotated[str, typer.Argument(help="Who will use it, such as the supervisory authority.")],
) -> None:
    """Make a supervisory authority's credential: it reads and verifies this log, and opens no record."""
    load_function("safeborders.node.commands.audit:make_auditor")(profile, name=name)


@app.command("evidence")
def evidence(
    profile: Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the evidence that this node signed and keeps."""
    load_function("safeborders.node.commands.privacy_audit:list_kept_evidence")(profile, as_json=json)
