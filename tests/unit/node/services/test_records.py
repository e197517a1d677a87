"""What logs and tracebacks tell of records that are shown or on their way out: what they are, not what they say."""

import pytest

from safeborders.models.domain.entities import EntityKind
from safeborders.node.services.outgoing import ExportRow
from safeborders.node.services.records import Band, Entity, band_of


def test_a_representation_names_the_kind_and_nothing_of_the_content() -> None:
    entity = Entity("p-1", EntityKind.PERSON, "Maria P.", "A", 1, "fact", "H0", attributes={"name": "Maria P."})
    assert repr(entity) == "<Entity person p-1>"
    assert repr(ExportRow({"record": "person", "name": "Maria P."})) == "<ExportRow person>"


@pytest.mark.parametrize(
    ("score", "band"),
    [(1.0, Band.STRONG), (0.9, Band.STRONG), (0.89, Band.MODERATE), (0.75, Band.MODERATE), (0.74, Band.WEAK)],
)
def test_a_score_is_shown_as_a_band(score: float, band: Band) -> None:
    assert band_of(score) is band
