"""The command that reads import files into the country's database."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.node.ingest.country_import import import_country
from safeborders.node.opening import open_node_store

_console = Console(highlight=False)


def import_folder(profile: Path, *, folder: Path, quiet: bool) -> None:
    """Read the import files in ``folder``, each whole or not at all, and say what became of them."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console, disable=quiet) as bars:
        task = bars.add_task("import", total=None)
        report = import_country(
            store,
            folder,
            country=settings.country,
            now=system_clock,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    store.close()
    _console.print(str(report))
