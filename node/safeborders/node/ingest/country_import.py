"""Imports a folder of a country's files: each file whole or not at all, and never the same file twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safeborders.kit.clock import Clock
from safeborders.kit.errors import NotFound
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.importing import FileReport, Importer, ImportOptions, Tell
from safeborders.node.storage.database import Store

Progress = Callable[[int, int], None]

SUFFIXES: dict[str, tuple[str, ...]] = {
    "safeborders": (".jsonl",),
    "ftm": (".json", ".jsonl", ".ijson"),
    "csv": (".csv",),
    "ctdc": (".csv",),
    "htcds": (".csv",),
}
"""How the files of each format end; the formats that there are."""


@dataclass(frozen=True)
class ImportReport:
    """What became of a folder of import files."""

    files: tuple[FileReport, ...]


def import_country(store: Store, folder: Path, *, country: Country, now: Clock, progress: Progress) -> ImportReport:
    """Take every ``*.jsonl`` file in ``folder`` into the database, in the order of their names.

    Args:
        store: The country's database with the newest schema.
        folder: Where the files are.
        country: Whose node this is; files of another country are refused.
        now: Says when a file was received.
        progress: Told from time to time how many bytes of how many are read.

    Raises:
        NotFound: If the folder holds no import file.
        BadSourceFile: If a file is no import file.
        WrongCountry: If a file is another country's.
        SourceRefused: If a row cannot be accepted; nothing of its file was stored, files before it stay.
    """
    importer = Importer(store, country=country, now=now, options=ImportOptions())
    paths = list_source_files([folder], format_name="safeborders")
    return ImportReport(files=tuple(apply_files(importer, paths, progress=progress)))


def plan_files(importer: Importer, paths: Sequence[Path], *, progress: Progress) -> list[FileReport]:
    """Return what importing ``paths`` one after the other would do."""
    return importer.plan(paths, tell=_meter(paths, progress))


def apply_files(importer: Importer, paths: Sequence[Path], *, progress: Progress) -> list[FileReport]:
    """Import ``paths`` one after the other and return what became of them; those before a refused one stay."""
    tell, reports = _meter(paths, progress), []
    for path in paths:
        reports.append(importer.apply(path, tell=tell))
        tell(path, path.stat().st_size)
    return reports


def _meter(paths: Sequence[Path], progress: Progress) -> Tell:
    """Return what turns a place in one file into a place in all of them; it never goes back."""
    starts, total = dict[Path, int](), 0
    for path in paths:
        starts[path] = total
        total += path.stat().st_size
    furthest = 0

    def tell(path: Path, read: int) -> None:
        nonlocal furthest
        furthest = max(furthest, starts[path] + read)
        progress(furthest, total)

    return tell


def list_source_files(places: Sequence[Path], *, format_name: str) -> list[Path]:
    """Return the files among ``places`` and those of the format in the folders among them, in the order of names.

    Raises:
        NotFound: If a place does not exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for place in places:
        if place.is_file():
            found.append(place)
            continue
        if not place.is_dir():
            raise NotFound(f"{place} is neither a file nor a folder: correct the path.")
        endings = SUFFIXES.get(format_name, ())
        inside = sorted(path for path in place.glob("*") if path.suffix.lower() in endings and path.is_file())
        if not inside:
            wanted = " or ".join(f"*{ending}" for ending in endings)
            raise NotFound(
                f"{place} holds no import file ({wanted}): give a file, or the folder of this country's files."
            )
        found.extend(inside)
    return found
