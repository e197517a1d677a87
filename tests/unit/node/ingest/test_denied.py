"""What may not be kept is dropped however it is spelt."""

import pytest

from safeborders.models.graph.columns import ALLOWED_COLUMNS
from safeborders.node.ingest.denied import is_denied
from safeborders.node.ingest.fields import LINK_PROPERTIES, PROPERTIES


@pytest.mark.parametrize(
    "name",
    [
        "ethnicity",
        "religion",
        "political",
        "appearance",
        "weight",
        "height",
        "eyeColor",
        "hairColor",
        "hair_color",
        "Race",
    ],
)
def test_a_special_category_is_denied(name: str) -> None:
    assert is_denied(name)


def test_nothing_that_has_a_column_is_denied() -> None:
    known = {name for fields in (*PROPERTIES.values(), LINK_PROPERTIES) for name in fields}
    assert not [name for name in known if is_denied(name)]
    assert not [name for name in ALLOWED_COLUMNS if is_denied(name.partition(".")[2])]
