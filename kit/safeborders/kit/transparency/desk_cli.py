"""The commands of those who answer for a log: thin, so that ``--help`` answers at once; the same for every log."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

Profile = Annotated[Path, typer.Option("--profile", "-p", help="The YAML profile of the node or the coordinator.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def build_desk(commands: str, *, words: str) -> typer.Typer:
    """Return the group of commands.

    Args:
        commands: Module that opens the log and does what is asked.
        words: What the group is for.
    """
    app = typer.Typer(help=words, no_args_is_help=True)
    _add_checks(app, commands)
    _add_exports(app, commands)
    return app


def _add_checks(app: typer.Typer, commands: str) -> None:
    @app.command("verify")
    def verify(
        profile: Profile,
        checkpoint: Annotated[
            list[Path] | None, typer.Option(help="Checkpoint of this log that somebody else kept; may be repeated.")
        ] = None,
        json: Json = False,
    ) -> None:
        """Check every row of the log, and name the first one that was changed."""
        load_function(f"{commands}:verify_audit_log")(profile, kept=tuple(checkpoint or ()), as_json=json)

    @app.command("check")
    def check(
        file: Annotated[Path, typer.Argument(help="An export or a proof; no node is needed.")],
        key: Annotated[str | None, typer.Option(help="The log's public key, as you know it from elsewhere.")] = None,
    ) -> None:
        """Check an export or a proof that somebody handed you."""
        load_function(f"{commands}:check_audit_export")(file, log_key=key)

    @app.command("checkpoint")
    def checkpoint(
        profile: Profile,
        out: Annotated[Path | None, typer.Option(help="File to write; on the screen when absent.")] = None,
    ) -> None:
        """Sign the log as it is now; whoever keeps this can later see whether it was changed."""
        load_function(f"{commands}:write_checkpoint")(profile, out=out)


def _add_exports(app: typer.Typer, commands: str) -> None:
    @app.command("list")
    def list_rows(  # house: the options of one command
        profile: Profile,
        last: Annotated[int, typer.Option(min=1, help="How many, newest last.")] = 20,
        operation: Annotated[str | None, typer.Option(help="Only this operation, such as consultation.")] = None,
        case: Annotated[str | None, typer.Option(help="Only what was done for this case reference.")] = None,
        since: Annotated[str | None, typer.Option(help="Only from this day on, such as 2026-01-31.")] = None,
        until: Annotated[str | None, typer.Option(help="Only to the end of this day.")] = None,
        json: Json = False,
    ) -> None:
        """Show the newest rows: who did what, when, for which case."""
        chosen = {"operation": operation, "case": case, "since": since, "until": until}
        load_function(f"{commands}:list_audit_log")(profile, last=last, chosen=chosen, as_json=json)

    @app.command("export")
    def export(
        profile: Profile,
        out: Annotated[Path, typer.Option(help="File to write.")],
        operation: Annotated[str | None, typer.Option(help="Only this operation, such as consultation.")] = None,
        case: Annotated[str | None, typer.Option(help="Only what was done for this case reference.")] = None,
        since: Annotated[str | None, typer.Option(help="Only from this day on, such as 2026-01-31.")] = None,
        until: Annotated[str | None, typer.Option(help="Only to the end of this day.")] = None,
    ) -> None:
        """Write rows, each with its proof, for a supervisory authority."""
        chosen = {"operation": operation, "case": case, "since": since, "until": until}
        load_function(f"{commands}:export_audit_log")(profile, out=out, chosen=chosen)

    @app.command("prove")
    def prove(
        profile: Profile,
        number: Annotated[int, typer.Argument(min=1, help="Number of the row.")],
    ) -> None:
        """Print one row with the proof that it is in the log."""
        load_function(f"{commands}:prove_row")(profile, number=number)
