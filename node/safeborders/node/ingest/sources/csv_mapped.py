"""CSV files read by a mapping."""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from safeborders.node.ingest.errors import BadSourceRow, Reject
from safeborders.node.ingest.sources.csv_lines import BadTable, read_table, restore
from safeborders.node.ingest.sources.csv_parts import CompiledQuery, Makers
from safeborders.node.ingest.sources.csv_values import BadCell, Columns
from safeborders.node.ingest.sources.mapping import CsvMapping, columns_of, lookups_of
from safeborders.node.ingest.sources.refusals import BadMapping, FileNotMapped
from safeborders.node.ingest.sources.rows import SourceRow

_LARGEST_COMPANION_BYTES = 64 * 1024 * 1024


class MappedCsvReader:
    """Reads one file of a delivery.

    Args:
        mapping: What the columns mean.
        file_name: The file's name, by which queries are chosen.
        companions: Contents of the files that values are looked up in.

    Raises:
        FileNotMapped: If no query reads this file.
    """

    def __init__(self, mapping: CsvMapping, file_name: str, *, companions: Mapping[str, bytes]) -> None:
        self.envelope: Mapping[str, object] = mapping.envelope
        self.dropped: Mapping[str, int] = {}
        self._form = mapping.form
        self._queries = [query for query in mapping.queries if query.csv in (None, file_name)]
        if not self._queries:
            raise FileNotMapped("No query of the mapping reads this file: name it under csv, or under ignored.")
        self._names = columns_of(self._queries)
        used = lookups_of(mapping, file_name)
        self._tables = {
            name: _load_table(lookup.csv, mapping, companions=companions, columns=(lookup.key, lookup.value))
            for name, lookup in mapping.lookups.items()
            if name in used
        }

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield the rows; links of a file whose rows may name later ones come after all its entities."""
        try:
            yield from self._read(file)
        except BadTable as bad:
            yield Reject(bad.line, bad.code, sentence=bad.sentence)

    def _read(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        table = read_table(file, self._form)
        _, header = next(table)
        columns = Columns(header, empty=frozenset(self._form.empty), tables=self._tables)
        try:
            queries = [CompiledQuery(query, columns) for query in self._queries]
        except BadCell as bad:
            yield Reject(1, *bad.reject)
            return
        twice = any(query.may_wait for query in queries)
        yield from self._rows(table, queries, width=len(header), part="entities" if twice else "both")
        if twice:
            file.seek(0)
            table = read_table(file, self._form)
            next(table)
            yield from self._rows(table, queries, width=len(header), part="links")

    def _rows(
        self, table: Iterator[tuple[int, list[str]]], queries: list[CompiledQuery], *, width: int, part: str
    ) -> Iterator[SourceRow | Reject]:
        names = self._names
        makers = [make for query in queries for make in _MAKERS[part](query)]
        defused = self._form.defused
        for number, row in table:
            if len(row) != width:
                if part != "links":
                    yield Reject(number, BadSourceRow.code, sentence=_WIDTH)
                continue
            cells = restore(row) if defused else row
            try:
                yield from (SourceRow(number, record, names) for make in makers for record in make(cells))
            except BadCell as bad:
                yield Reject(number, *bad.reject)


_MAKERS: Mapping[str, Callable[[CompiledQuery], tuple[Makers, ...]]] = {
    "entities": lambda query: (query.entities,),
    "links": lambda query: (query.links,),
    "both": lambda query: (query.entities, query.links),
}


def _load_table(
    name: str, mapping: CsvMapping, *, companions: Mapping[str, bytes], columns: tuple[str, str]
) -> dict[str, str]:
    content = companions.get(name)
    if content is None:
        raise BadMapping("A file that values are looked up in does not lie beside this one: put it there.")
    if len(content) > _LARGEST_COMPANION_BYTES:
        raise BadMapping("A file that values are looked up in is larger than 64 MiB: deliver it joined.")
    try:
        table = read_table(io.BytesIO(content), mapping.form)
        _, header = next(table)
        known = Columns(header, empty=frozenset(), tables={})
        key, value = known.place(columns[0]), known.place(columns[1])
        return {row[key]: row[value] for _, row in table if len(row) == len(header)}
    except (BadTable, BadCell):
        raise BadMapping("A file that values are looked up in is no CSV with the stated columns: correct it.") from None


_WIDTH = "The row has not as many cells as the header has columns: check its delimiters and quotation marks."
