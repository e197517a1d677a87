"""Identifiers are UUIDs of version 7 and sort by time."""

import time
import uuid

from safeborders.kit.ids import uuid7


def test_an_identifier_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(uuid7())
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= after


def test_later_identifiers_sort_behind_and_none_repeats() -> None:
    first = uuid7()
    time.sleep(0.002)
    many = [uuid7() for _ in range(1000)]
    assert all(first < one for one in many)
    assert len(set(many)) == 1000
