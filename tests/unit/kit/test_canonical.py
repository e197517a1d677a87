"""One byte string for one document."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeborders.kit.canonical import canonical_json, document_sha256, sha256_hex

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(st.text(), VALUES, max_size=5)


def test_example_of_the_standard_gives_its_bytes() -> None:
    # RFC 8785, section 3.2.3: keys sort by UTF-16 code units, numbers as ECMAScript writes them.
    document = {"numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27], "literals": [None, True, False]}
    assert canonical_json(document) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'
    )


@given(DOCUMENTS)
def test_order_of_keys_changes_nothing_and_reading_back_gives_the_document(document: dict[str, object]) -> None:
    content = canonical_json(document)
    assert canonical_json(dict(reversed(document.items()))) == content
    assert canonical_json(json.loads(content, parse_int=float)) == content


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, -(2**53), b"bytes", {1, 2}, {1: "a"}, "\ud800", object()]
)
def test_a_value_without_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="document must be canonical JSON"):
        canonical_json({"value": value})


def test_different_documents_have_different_hashes() -> None:
    assert document_sha256({"round": 1}) == hashlib.sha256(b'{"round":1}').hexdigest()
    assert document_sha256({"round": 1}) != document_sha256({"round": "1"})
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
