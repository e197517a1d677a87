"""The commands for retention and for the rights of data subjects; thin, so that ``--help`` answers at once."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

retention = typer.Typer(help="Keep nothing beyond its time: review, erase.", no_args_is_help=True)
subject = typer.Typer(help="Answer a data subject: show, restrict, rectify, erase.", no_args_is_help=True)
handling = typer.Typer(help="What providers allowed to be done with their records.", no_args_is_help=True)

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The node's YAML profile.")]
Person = Annotated[str, typer.Argument(help="The person's pseudonym or identifier.", show_default=False)]
Case = Annotated[str, typer.Option("--case", help="Reference of the request or case.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line that names nobody; it is kept.")]
By = Annotated[str, typer.Option("--by", help="Who acts; by default the user of this machine.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]

_COMMANDS = "safeborders.node.commands.lifecycle"


@retention.command("run")
def run(
    profile: Profile,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Take this day for today.")] = None,
    json: Json = False,
) -> None:
    """Erase what is past its time and flag what needs a review; the node does so by itself every night."""
    load_function(f"{_COMMANDS}:run_job")(profile, as_of=as_of, as_json=json)


@retention.command("due")
def due(profile: Profile, json: Json = False) -> None:
    """Show how many rows of each kind wait for a review, and since when."""
    load_function(f"{_COMMANDS}:show_due")(profile, as_json=json)


@retention.command("erased")
def erased(
    profile: Profile,
    identifier: Annotated[str | None, typer.Argument(help="Only what is known about this identifier.")] = None,
    json: Json = False,
) -> None:
    """Show the erasure ledger: what kind, why, when, by which rule."""
    load_function(f"{_COMMANDS}:show_erased")(profile, identifier=identifier, as_json=json)


@subject.command("find")
def find(
    profile: Profile,
    name: Annotated[str, typer.Argument(help="The name, in any script.")],
    case: Case,
    reason: Reason,
    by: By = "",
    json: Json = False,
) -> None:
    """Find a person by name, restricted persons too."""
    load_function(f"{_COMMANDS}:find")(profile, name, request=(by, case, reason), as_json=json)


@subject.command("show")
def show(
    profile: Profile,
    person: Person,
    case: Case,
    reason: Reason,
    by: By = "",
    json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Write it to a file that only you can read.")] = None,
) -> None:
    """Show all that is held on a person: records, sources, grades, recipients."""
    load_function(f"{_COMMANDS}:show")(profile, person, request=(by, case, reason), as_json=json, out=out)


@subject.command("restrict")
def restrict(profile: Profile, person: Person, case: Case, reason: Reason, by: By = "") -> None:
    """Restrict a person's records: nobody but this desk sees or uses them."""
    load_function(f"{_COMMANDS}:restrict")(profile, person, request=(by, case, reason))


@subject.command("release")
def release(profile: Profile, person: Person, case: Case, reason: Reason, by: By = "") -> None:
    """Lift a restriction."""
    load_function(f"{_COMMANDS}:release")(profile, person, request=(by, case, reason))


@subject.command("review")
def review(profile: Profile, person: Person, case: Case, reason: Reason, by: By = "") -> None:
    """Write down that a person's records were reviewed and are still needed."""
    load_function(f"{_COMMANDS}:review")(profile, person, request=(by, case, reason))


@subject.command("rectify")
def rectify(
    profile: Profile,
    person: Person,
    case: Case,
    reason: Reason,
    by: By = "",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="field=value: name, birth_date, ... or a fact's code.")
    ] = None,
    dropped: Annotated[
        list[str] | None, typer.Option("--drop", help="Identifier of a link, status or label that is wrong.")
    ] = None,
) -> None:
    """Correct what is wrong; graph, search and the next training follow."""
    load_function(f"{_COMMANDS}:rectify")(
        profile, person, request=(by, case, reason), changes=(assignments or [], dropped or [])
    )


@subject.command("erase")
def erase(profile: Profile, person: Person, case: Case, reason: Reason, by: By = "", yes: Yes = False) -> None:
    """Erase a person and what is on record for nobody else; it cannot be undone."""
    load_function(f"{_COMMANDS}:erase")(profile, person, request=(by, case, reason), is_confirmed=yes)


@handling.command("release")
def release_handling(
    profile: Profile,
    row: Annotated[str, typer.Argument(help="Identifier of the entity or link.", show_default=False)],
    provider: Annotated[str, typer.Option(help="Who gave the record and allowed its dissemination.")],
    case: Annotated[str, typer.Option("--case", help="Reference of the permission.")],
    reason: Reason,
    by: By = "",
) -> None:
    """Write down that a provider allowed the dissemination of a record with a handling code."""
    load_function(f"{_COMMANDS}:release_handling")(profile, row, request=(by, case, reason), provider=provider)


@subject.command("notices")
def notices(
    profile: Profile,
    json: Json = False,
    every: Annotated[bool, typer.Option("--all", help="Those too whose recipients were told.")] = False,
    told: Annotated[str | None, typer.Option(help="Write down that this notice's recipients were told.")] = None,
) -> None:
    """Show who must be told that something was wrong, restricted or erased."""
    load_function(f"{_COMMANDS}:notices")(profile, as_json=json, every=every, told=told)
