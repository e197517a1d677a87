"""What a run may do is signed by the coordinator and two of its countries, and says what the order says."""

import json
from base64 import b64decode, b64encode
from datetime import timedelta

import pytest

from safeborders.kit.canonical import sha256_hex
from safeborders.models.defaults import BUNDLE_SHA256
from safeborders.models.protocol.manifest import (
    ManifestRefused,
    check_manifest_covers,
    read_manifest,
    verify_manifest,
)
from safeborders.models.protocol.papers import parse_papers
from safeborders.models.protocol.roster import KeyRole
from safeborders.server.federation.flower_adapter import build_bundle
from sbtest.agreements import TODAY, PaperFederation
from sbtest.plans import make_plan

FEDERATION = PaperFederation()
PLAN = make_plan()  # gr, it, ro
KEYS = FEDERATION.make_cabinet().roster().keys(KeyRole.NODE)
AGREEMENT = "a" * 64


def manifest(**changes: object) -> bytes:
    return FEDERATION.make_manifest(PLAN, agreement_sha256=AGREEMENT, **changes)  # type: ignore[arg-type]  # any field


def test_coordinator_and_two_participants_are_enough_and_less_is_not() -> None:
    assert verify_manifest(manifest(), keys=KEYS, now=TODAY).plan == PLAN
    for signers in ((), ("gr",), ("gr", "pl"), ("pl", "pt"), ("gr", "gr")):  # pl and pt take no part
        with pytest.raises(ManifestRefused, match="Fewer than two"):
            verify_manifest(manifest(signers=signers), keys=KEYS, now=TODAY)


def test_a_manifest_without_the_rosters_coordinator_is_refused() -> None:
    impostor = PaperFederation(keys=FEDERATION.keys, node_keys={**FEDERATION.node_keys})
    impostor.node_keys["coordinator"] = PaperFederation().node_keys["coordinator"]
    forged = impostor.make_manifest(PLAN, agreement_sha256=AGREEMENT)
    with pytest.raises(ManifestRefused, match="not signed by the coordinator"):
        verify_manifest(forged, keys=KEYS, now=TODAY)
    assert verify_manifest(forged, keys={**KEYS, "coordinator": impostor.members()["coordinator"].node}, now=TODAY)


def test_days_of_a_manifest() -> None:
    long = manifest(valid_until=TODAY + timedelta(days=32))
    with pytest.raises(ManifestRefused, match="31 days"):
        verify_manifest(long, keys=KEYS, now=TODAY)
    for now in (TODAY - timedelta(hours=2), TODAY + timedelta(days=8)):
        with pytest.raises(ManifestRefused, match="not good today"):
            verify_manifest(manifest(), keys=KEYS, now=now)


def test_an_altered_manifest_is_refused() -> None:
    document = json.loads(manifest())
    payload = b64decode(document["payload"])
    for wrong in (payload.replace(b'"rounds":10', b'"rounds":99'), payload + b" ", b"{}", b"\xff"):
        content = json.dumps({**document, "payload": b64encode(wrong).decode()}).encode()
        with pytest.raises(ManifestRefused):
            verify_manifest(content, keys=KEYS, now=TODAY)
    with pytest.raises(ManifestRefused, match="no run manifest"):
        read_manifest(b"{}")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"plan": make_plan(rounds=11)}, "plan is not the one"),
        ({"bundles": ("f" * 64,)}, "bundle"),
        ({"model_sha256": "1" * 64}, "first model"),
    ],
)
def test_an_order_that_the_manifest_does_not_cover_is_refused(change: dict[str, object], sentence: str) -> None:
    read = read_manifest(manifest())
    asked: dict[str, object] = {
        "plan": PLAN, "round_number": 1, "model_sha256": "0" * 64, "bundles": (BUNDLE_SHA256,), **change
    }  # fmt: skip
    with pytest.raises(ManifestRefused, match=sentence):
        check_manifest_covers(read, **asked)  # type: ignore[arg-type]  # one of them is wrong on purpose


def test_a_later_rounds_model_is_the_ledgers_business() -> None:
    read = read_manifest(manifest())
    for number, model in ((1, "0" * 64), (2, "1" * 64)):
        check_manifest_covers(read, PLAN, round_number=number, model_sha256=model, bundles=(BUNDLE_SHA256,))


def test_the_bundle_that_is_named_is_the_one_that_is_built() -> None:
    assert sha256_hex(build_bundle()) == BUNDLE_SHA256


def test_orders_without_papers_are_refused() -> None:
    content = FEDERATION.make_papers(manifest())
    assert parse_papers(content).to_bytes() == content
    for wrong in (b"", b"{}", content[:-1], content.replace(b'"timestamp"', b'"stamp"')):
        with pytest.raises(ManifestRefused, match="no manifest"):
            parse_papers(wrong)
