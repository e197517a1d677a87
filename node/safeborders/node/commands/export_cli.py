"""The command that takes records out: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function


def export(  # house: the options of a command, which a person names one by one
    profile: Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")],
    out: Annotated[Path, typer.Option(help="New file to write; a new folder for csv.")],
    purpose: Annotated[str, typer.Option(help="What it is for: P1 typology, P2 networks, P3 deconfliction, ...")],
    case: Annotated[str, typer.Option(help="Reference of the case that it is for.")],
    form: Annotated[str, typer.Option("--format", help="ftm, graphml or csv.")] = "ftm",
    identified: Annotated[bool, typer.Option("--identified", help="With names and numbers; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why names are needed, 10 to 36 characters.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take records out: pseudonymised, and in the journal before the first byte is written."""
    asked = {"form": form, "purpose": purpose, "case": case, "identified": identified, "reason": reason}
    load_function("safeborders.node.commands.export:export_for_operator")(profile, out=out, asked=asked, as_json=json)
