"""Identifiers are UUIDs: version 7 sort by time, version 8 always come from the same parts."""

import time
import uuid

from safeborders.kit.ids import stable_id, uuid7


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


def test_the_same_parts_always_give_the_same_version_8_uuid() -> None:
    made = uuid.UUID(stable_id("entity", "ro", "p1"))
    assert made.version == 8
    assert made.variant == uuid.RFC_4122
    assert stable_id("entity", "ro", "p1") == "109ccc81-3c1d-821c-951b-8f3cb47967ba"


def test_parts_do_not_run_into_each_other() -> None:
    assert stable_id("a", "bc") != stable_id("ab", "c")
    assert len({stable_id("entity", str(number)) for number in range(10_000)}) == 10_000
