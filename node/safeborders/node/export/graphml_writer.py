"""Writes GraphML for graph viewers: entities are nodes, links are edges, the envelope stands on both.

It is for looking, not for coming back: statuses, labels and indicators are left out, save the effective category of a
person, which always stands beside it (LED article 6).
"""

from typing import BinaryIO, cast
from xml.sax.saxutils import escape, quoteattr

from safeborders.node.ingest.fields import ENVELOPE, LINK_PROPERTIES, PROPERTIES
from safeborders.node.services.outgoing import ExportRow, Record

_BESIDE = ("effective_category", "source_report")
_NODE = tuple(dict.fromkeys(["kind", *_BESIDE, *(name for own in PROPERTIES.values() for name in own), *ENVELOPE]))
_EDGE = tuple(dict.fromkeys(["kind", "source_report", *LINK_PROPERTIES, *ENVELOPE]))
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'


class GraphmlWriter:
    """Writes one node or edge a line, into ``file``."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        keys = [("node", name) for name in _NODE] + [("edge", name) for name in _EDGE]
        declared = "".join(
            f'  <key id="{part}_{name}" for="{part}" attr.name="{name}" attr.type="string"/>\n' for part, name in keys
        )
        self._put(f'{_HEAD}{declared}  <graph id="records" edgedefault="directed">\n')

    def write(self, row: ExportRow) -> None:
        """Write an entity or a link; leave out what is neither."""
        record = row.record
        if record["record"] not in {"entity", "link"}:
            return
        given = {"kind": record["kind"], **row.beside, **_part(record, "properties"), **_part(record, "envelope")}
        if record["record"] == "entity":
            self._put(f"    <node id={quoteattr(str(record['id']))}>{_elements('node', given)}</node>\n")
        else:
            ends = " ".join(f"{end}={quoteattr(str(record[end]))}" for end in ("source", "target"))
            self._put(f"    <edge id={quoteattr(str(record['id']))} {ends}>{_elements('edge', given)}</edge>\n")

    def finish(self) -> None:
        """Close the graph."""
        self._put("  </graph>\n</graphml>\n")

    def _put(self, text: str) -> None:
        self._file.write(text.encode("utf-8"))


def _part(record: Record, name: str) -> Record:
    return cast("Record", record.get(name) or {})


def _elements(prefix: str, given: Record) -> str:
    return "".join(
        f'<data key="{prefix}_{name}">{escape(_text(value))}</data>'
        for name, value in given.items()
        if value is not None
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
