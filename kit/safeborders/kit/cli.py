"""The command ``safeborders``: it finds the command groups that are installed and turns errors into one sentence.

The coordinator's image lacks the node's group and the other way round; nothing imports both.
"""

import os
import sys
from importlib.metadata import entry_points

import typer
from typer.main import get_command

from safeborders.kit.errors import SafeBordersError

EXIT_REFUSED = 2
GROUP = "safeborders.commands"


def build_app() -> typer.Typer:
    """Return the command with one group for each installed entry point of ``safeborders.commands``."""
    app = typer.Typer(
        name="safeborders",
        help="Federated, private graph learning against trafficking in children.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for entry in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            group = entry.load()
        except ModuleNotFoundError as error:
            if error.name is None or not f"{entry.module}.".startswith(f"{error.name}."):
                raise  # the side is here, but something that it needs is not
            continue  # this image holds only the other side
        app.add_typer(group, name=entry.name)
    return app


def main() -> None:
    """Run the command line; a refused action prints what, why and how to mend, and exits with 2."""
    # No part of Flower may call home, whichever process imports it (federation.md 1).
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
    try:
        get_command(build_app()).main(standalone_mode=True)
    except SafeBordersError as error:
        sys.stderr.write(f"safeborders: {error.message} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)
    except OSError as error:  # a place that the command line or a profile names
        place, why = error.filename or "A file", error.strerror or type(error).__name__
        sys.stderr.write(f"safeborders: {place} cannot be used ({why.lower()}): name another place. [place.unusable]\n")
        sys.exit(EXIT_REFUSED)
    except KeyboardInterrupt:
        sys.stderr.write("safeborders: stopped.\n")
        sys.exit(130)
