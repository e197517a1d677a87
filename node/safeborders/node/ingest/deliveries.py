"""A delivery of CSV files with one mapping: which files are read, in which order, and which lie beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safeborders.kit.errors import NotFound
from safeborders.node.ingest.limits import MEBIBYTE
from safeborders.node.ingest.opening_file import read_small_file
from safeborders.node.ingest.sources.mapping import files_in_order, parse_mapping

_LARGEST_COMPANION_BYTES = 64 * MEBIBYTE


@dataclass(frozen=True)
class Delivery:
    """Files of one delivery.

    Attributes:
        paths: Those to import, in an order in which no file names what a later one states.
        companions: Contents of those that values are looked up in, by name.
    """

    paths: list[Path]
    companions: Mapping[str, bytes]


def read_delivery(paths: Sequence[Path], *, mapping: bytes) -> Delivery:
    """Return the delivery that ``paths`` are, as ``mapping`` reads it.

    Raises:
        BadMapping: If the mapping cannot be used, or leaves a file out that it does not name as ignored.
        FileRefused: If a file to look values up in is no plain file or too large.
        NotFound: If the mapping reads none of the files, or two files have one name.
    """
    parsed = parse_mapping(mapping)
    by_name = {path.name: path for path in paths}
    if len(by_name) != len(paths):
        raise NotFound("Two files of the delivery have the same name: import their folders one after the other.")
    names = files_in_order(parsed, sorted(by_name))
    if not names:
        raise NotFound("The mapping reads none of these files: give the files that it names.")
    beside = {lookup.csv for lookup in parsed.lookups.values()}
    found = {name: path for path in paths for name in beside if (path.parent / name).is_file()}
    return Delivery(
        paths=[by_name[name] for name in names],
        companions={
            name: read_small_file(path.parent / name, most_bytes=_LARGEST_COMPANION_BYTES)
            for name, path in found.items()
        },
    )
