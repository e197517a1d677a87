"""The commands of the coordinator's team: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function
from safeborders.server.agreement_cli import app as agreement_app
from safeborders.server.audit_cli import app as audit_app

app = typer.Typer(help="Run the coordinator.", no_args_is_help=True)
app.add_typer(agreement_app, name="agreement")
app.add_typer(audit_app, name="audit")

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The coordinator's YAML profile.")]

_COMMANDS = "safeborders.server.commands"


@app.command("init")
def init(profile: Profile) -> None:
    """Make the coordinator's keys, the federation's authority and the database; show the fingerprint."""
    load_function(f"{_COMMANDS}:initialise")(profile)


@app.command("admit")
def admit(
    profile: Profile,
    requests: Annotated[list[Path], typer.Argument(help="Requests of countries.")],
    fingerprint: Annotated[
        list[str], typer.Option(help="A country's fingerprint as it was read out; once per request, same order.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the admissions; send each to its country.")],
) -> None:
    """Admit countries whose fingerprints were compared over a second channel."""
    load_function(f"{_COMMANDS}:admit_countries")(profile, requests=requests, expected=fingerprint, out=out)


@app.command("run")
def run(profile: Profile) -> None:
    """Run the coordinator: SuperLink, public edge, rounds and page, until it is stopped."""
    load_function("safeborders.server.supervision:run_coordinator")(profile)


@app.command("plan")
def plan(
    profile: Profile,
    out: Annotated[Path, typer.Option(help="File for the run's manifest.")],
    epsilon: Annotated[float, typer.Option(help="Epsilon of one country's messages against everybody.")] = 8.0,
    rounds: Annotated[int | None, typer.Option(help="Rounds of the run; default: the measured best.")] = None,
    floor: Annotated[int, typer.Option(help="Fewest countries in a round.")] = 6,
    aggregation: Annotated[
        str, typer.Option(help="secure: the coordinator sees the sum alone; plain: each country's noised update.")
    ] = "secure",
    deadline: Annotated[float, typer.Option(help="Seconds that a round waits.")] = 30.0,
    sizes: Annotated[Path | None, typer.Option(help="YAML of declared public sizes, e.g. typology: {gr: 120}.")] = None,
    model: Annotated[
        str, typer.Option(help="For the types of cases: encoder, relational (with stage B), sage-1 or sage-2.")
    ] = "encoder",
) -> None:
    """Plan a run and write its manifest; nothing starts before two countries have signed it."""
    request = load_function("safeborders.server.planning:RunRequest")(
        epsilon=epsilon,
        rounds=rounds,
        floor=floor,
        deadline_seconds=deadline,
        model=load_function("safeborders.server.planning:parse_model_name")(model),
    )
    load_function("safeborders.server.plan_command:plan_run")(
        profile, request=request, aggregation=aggregation, sizes=sizes, out=out
    )


@app.command("start")
def start(
    profile: Profile, manifest: Annotated[Path, typer.Argument(help="The manifest with the countries' signatures.")]
) -> None:
    """Start a run; the countries decide on their own whether to answer."""
    load_function("safeborders.server.manifest_command:start_run")(profile, manifest=manifest)


@app.command("resume")
def resume(profile: Profile, run: Annotated[str, typer.Argument(help="Name of the run.")]) -> None:
    """Take up a run that rests because too few countries answered; it goes on at the same round."""
    load_function(f"{_COMMANDS}:resume_run")(profile, run=run)


@app.command("revoke")
def revoke(profile: Profile, country: Annotated[str, typer.Argument(help="Code of the country.")]) -> None:
    """Refuse a country's keys from now on."""
    load_function(f"{_COMMANDS}:revoke_country")(profile, name=country)
