"""The commands of those who answer for a node's audit log and for the privacy of what it releases."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function
from safeborders.kit.transparency.desk_cli import build_desk

app = build_desk("safeborders.node.audit_command", words="Check and hand out a node's audit log; attack its models.")


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
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Attack the released model that this country uses, and sign the evidence of anonymity."""
    load_function("safeborders.node.privacy_audit_command:audit_privacy")(
        profile, out=out, reviewer=reviewer, as_json=json
    )
