"""The commands about the agreement, for both sides: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Draft, sign and read the material transfer agreement.", no_args_is_help=True)

_COMMANDS = "safeborders.configs.agreement_command"
Roster = Annotated[Path, typer.Option("--roster", "-r", help="The roster of keys in force.")]
Key = Annotated[Path, typer.Option("--key", "-k", help="Your agreement key (PEM).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("draft")
def draft(
    source: Annotated[Path, typer.Argument(help="The agreement in YAML.")],
    out: Annotated[Path, typer.Option(help="File for the document that travels from party to party.")],
) -> None:
    """Check the YAML and write the document that is signed; show its hash."""
    load_function(f"{_COMMANDS}:draft_agreement")(source, out=out)


@app.command("sign")
def sign(
    document: Annotated[Path, typer.Argument(help="The document; your signature is added to it.")], key: Key
) -> None:
    """Add your signature. Read it first: safeborders agreement explain, or diff against the version before."""
    load_function(f"{_COMMANDS}:sign_agreement")(document, key=key)


@app.command("verify")
def verify(document: Annotated[Path, typer.Argument(help="The document.")], roster: Roster, json: Json = False) -> None:
    """Show who has signed; fails until every party has, and outside the agreement's term."""
    load_function(f"{_COMMANDS}:verify_agreement")(document, roster=roster, as_json=json)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The version before: document or YAML.")],
    new: Annotated[Path, typer.Argument(help="The version after: document or YAML.")],
    json: Json = False,
) -> None:
    """Show what changed between two versions, place by place."""
    load_function(f"{_COMMANDS}:show_changes")(old, new=new, as_json=json)


@app.command("explain")
def explain(
    document: Annotated[Path, typer.Argument(help="Document or YAML.")],
    party: Annotated[str, typer.Option("--for", help="Whose view, e.g. gr.")],
    json: Json = False,
) -> None:
    """Say in plain language what a party may send to whom, under which clause and conditions."""
    load_function(f"{_COMMANDS}:explain_agreement")(document, party=party, as_json=json)


@app.command("terminate")
def terminate(
    document: Annotated[Path, typer.Argument(help="The agreement that ends.")],
    party: Annotated[str, typer.Option("--by", help="Who ends it, e.g. gr.")],
    ground: Annotated[str, typer.Option(help="notice, breach or adequacy_loss.")],
    key: Key,
    out: Annotated[Path, typer.Option(help="File for the signed declaration; give it to every party.")],
) -> None:
    """End the agreement for everybody: with notice, or at once on breach or loss of adequacy."""
    load_function(f"{_COMMANDS}:end_agreement")(document, party=party, ground=ground, key=key, out=out)
