"""The commands of the coordinator's team: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function
from safeborders.server.commands.agreement_cli import app as agreement_app
from safeborders.server.commands.audit_cli import app as audit_app
from safeborders.server.commands.evidence_cli import app as evidence_app

app = typer.Typer(help="Run the coordinator.", no_args_is_help=True)
app.add_typer(agreement_app, name="agreement")
app.add_typer(audit_app, name="audit")
app.add_typer(evidence_app, name="evidence")

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The coordinator's YAML profile.")]

_COMMANDS = "safeborders.server.commands.coordinator"
_ENROLMENT = "safeborders.server.commands.enrolment"


@app.command("init")
def init(profile: Profile) -> None:
    """Make the coordinator's keys and the database; show the fingerprint."""
    load_function(f"{_COMMANDS}:initialise")(profile)


@app.command("enrol")
def enrol(
    profile: Profile, out: Annotated[Path, typer.Option(help="File for the request; carry it to the authority.")]
) -> None:
    """Write the request for the public edge's certificate; again later, to renew it."""
    load_function(f"{_ENROLMENT}:write_edge_request")(profile, out=out)


@app.command("join")
def join(
    profile: Profile,
    kit: Annotated[Path, typer.Argument(help="The authority's kit for the coordinator.")],
    fingerprint: Annotated[
        str, typer.Option(help="The authority's fingerprint as it was read out; a renewal needs none.")
    ] = "",
) -> None:
    """Keep the authority's kit: the edge's certificate, and whose word counts about countries."""
    load_function(f"{_ENROLMENT}:join_federation")(profile, file=kit, spoken=fingerprint)


@app.command("register")
def register(profile: Profile, requests: Annotated[list[Path], typer.Argument(help="Requests of countries.")]) -> None:
    """Note which countries ask to join; the authority compares their fingerprints."""
    load_function(f"{_ENROLMENT}:register_requests")(profile, requests=requests)


@app.command("admit")
def admit(
    profile: Profile, kits: Annotated[list[Path], typer.Argument(help="Kits that the authority signed for countries.")]
) -> None:
    """Enrol the countries of these kits, or take their renewed certificates; then send each its kit."""
    load_function(f"{_ENROLMENT}:admit_kits")(profile, kits=kits)


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
        str, typer.Option(help="What is trained: encoder, relational (with stage B), sage-1, sage-2 or no-roles.")
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
    load_function("safeborders.server.commands.plan:plan_run")(
        profile, request=request, aggregation=aggregation, sizes=sizes, out=out
    )


@app.command("start")
def start(
    profile: Profile, manifest: Annotated[Path, typer.Argument(help="The manifest with the countries' signatures.")]
) -> None:
    """Start a run; the countries decide on their own whether to answer."""
    load_function("safeborders.server.commands.manifest:start_run")(profile, manifest=manifest)


@app.command("resume")
def resume(profile: Profile, run: Annotated[str, typer.Argument(help="Name of the run.")]) -> None:
    """Take up a run that rests, for want of countries or of evidence; it goes on where it stopped."""
    load_function(f"{_COMMANDS}:resume_run")(profile, run=run)


@app.command("revoke")
def revoke(profile: Profile, country: Annotated[str, typer.Argument(help="Code of the country.")]) -> None:
    """Refuse a country's keys and certificates from now on; the edge follows with its next request."""
    load_function(f"{_ENROLMENT}:revoke_country")(profile, name=country)


@app.command("revocations")
def revocations(
    profile: Profile, file: Annotated[Path, typer.Argument(help="The authority's list of revoked certificates.")]
) -> None:
    """Take the authority's list of revoked certificates; the edge follows with its next request."""
    load_function(f"{_ENROLMENT}:keep_revocations")(profile, file=file)
