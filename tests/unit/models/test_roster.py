"""Whose keys count: seven of nine decide, one version at a time, and nobody goes back."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.keycard import issue_card, parse_card
from safeborders.models.protocol.roster import (
    KeyRole,
    MemberKeys,
    RosterRefused,
    draft_roster,
    follow_roster,
    open_first_roster,
    read_roster,
    roster_fingerprint,
    roster_signers,
    sign_roster,
    threshold_for,
)
from sbtest.agreements import NINE, TODAY, PaperFederation

FEDERATION = PaperFederation()
FIRST = FEDERATION.roster


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(content)
    change(document["signed"])
    return json.dumps(document).encode()


def fresh_keys() -> MemberKeys:
    return MemberKeys(*(public_key_hex(Ed25519PrivateKey.generate()) for _ in range(2)))


def test_the_first_roster_is_believed_by_its_fingerprint_and_seven_signatures() -> None:
    assert threshold_for(9) == 7
    for count in range(10):
        content = FEDERATION.make_roster(signers=NINE[:count])
        if count < 7:
            with pytest.raises(RosterRefused, match=f"lacks {7 - count} signature"):
                open_first_roster(content, fingerprint=FEDERATION.fingerprint, now=TODAY)
        else:
            roster = open_first_roster(content, fingerprint=FEDERATION.fingerprint, now=TODAY)
            assert roster.keys(KeyRole.NODE)["gr"] == FEDERATION.members()["gr"].node
            assert roster.keys(KeyRole.AUDITOR) == {}
        assert len(roster_signers(content)) == count
    with pytest.raises(RosterRefused, match="fingerprint differs"):
        open_first_roster(FIRST, fingerprint="0000" + FEDERATION.fingerprint[4:], now=TODAY)


def test_the_coordinator_and_strangers_sign_no_roster() -> None:
    content = FEDERATION.make_roster(signers=NINE[:6])
    for key in (FEDERATION.keys[COORDINATOR], FEDERATION.node_keys[COORDINATOR], FEDERATION.node_keys["gr"]):
        content = sign_roster(content, key=key)
    content = sign_roster(content, key=FEDERATION.keys["ro"])  # ro again
    with pytest.raises(RosterRefused, match="lacks 1 signature"):
        open_first_roster(content, fingerprint=FEDERATION.fingerprint, now=TODAY)
    seventh = sign_roster(content, key=FEDERATION.keys["be"])
    assert open_first_roster(seventh, fingerprint=FEDERATION.fingerprint, now=TODAY).version == 1


def test_a_rotation_needs_the_old_and_the_new_threshold() -> None:
    new = {name: Ed25519PrivateKey.generate() for name in ("gr", "it", "pl")}
    members = FEDERATION.members() | {
        name: MemberKeys(agreement=public_key_hex(key), node=FEDERATION.members()[name].node)
        for name, key in new.items()
    }
    draft = FEDERATION.make_roster(version=2, members=members, signers=())

    def signed(old: tuple[str, ...], by_new: tuple[str, ...]) -> bytes:
        content = draft
        for name in old:
            content = sign_roster(content, key=FEDERATION.keys[name])
        for name in by_new:
            content = sign_roster(content, key=new[name])
        return content

    assert follow_roster(signed(NINE, ("gr",)), trusted=FIRST, now=TODAY).version == 2
    with pytest.raises(RosterRefused):  # nine of the old, six of the new
        follow_roster(signed(NINE, ()), trusted=FIRST, now=TODAY)
    with pytest.raises(RosterRefused):  # six of the old, nine of the new
        follow_roster(signed(("ro", "bg", "pt", "be", "fi", "wb-al"), ("gr", "it", "pl")), trusted=FIRST, now=TODAY)


def test_a_key_that_the_coordinator_put_in_is_refused() -> None:
    members = FEDERATION.members() | {"gr": fresh_keys()}
    by_coordinator = FEDERATION.make_roster(version=2, members=members, signers=())
    for key in FEDERATION.node_keys.values():
        by_coordinator = sign_roster(by_coordinator, key=key)
    with pytest.raises(RosterRefused, match="lacks 7"):
        follow_roster(by_coordinator, trusted=FIRST, now=TODAY)
    swapped = changed(FIRST, lambda signed: signed["x-safeborders"]["members"].update(gr=members["gr"].__dict__))
    with pytest.raises(RosterRefused):
        follow_roster(swapped, trusted=FIRST, now=TODAY)
    by_countries = FEDERATION.make_roster(version=2, members=members)  # the control: eight others agree
    assert follow_roster(by_countries, trusted=FIRST, now=TODAY).members["gr"] == members["gr"]


def test_a_revoked_member_is_out_with_the_next_version() -> None:
    members = {name: keys for name, keys in FEDERATION.members().items() if name != "pl"}
    second = FEDERATION.make_roster(version=2, members=members)
    assert "pl" not in follow_roster(second, trusted=FIRST, now=TODAY).members
    assert "pl" in read_roster(FIRST).members  # the control


def test_versions_only_rise_one_at_a_time() -> None:
    second, third = (FEDERATION.make_roster(version=number) for number in (2, 3))
    assert follow_roster(second, trusted=FIRST, now=TODAY).version == 2
    assert follow_roster(third, trusted=second, now=TODAY).version == 3
    assert follow_roster(second, trusted=second, now=TODAY).version == 2  # the same is no change
    for older, trusted in ((FIRST, second), (third, FIRST), (FIRST, third)):
        with pytest.raises(RosterRefused, match="not the next version"):
            follow_roster(older, trusted=trusted, now=TODAY)
    other = PaperFederation(federation="other", keys=FEDERATION.keys, node_keys=FEDERATION.node_keys)
    with pytest.raises(RosterRefused, match="another federation"):
        follow_roster(other.make_roster(version=2), trusted=FIRST, now=TODAY)


def test_a_roster_expires_and_never_runs_for_ever() -> None:
    for now in (TODAY + timedelta(days=90), TODAY + timedelta(days=400)):
        with pytest.raises(RosterRefused, match="expired"):
            open_first_roster(FIRST, fingerprint=FEDERATION.fingerprint, now=now)
    endless = FEDERATION.make_roster(version=2, days=181)
    with pytest.raises(RosterRefused, match="runs over 180 days"):
        follow_roster(endless, trusted=FIRST, now=TODAY)
    assert follow_roster(FEDERATION.make_roster(version=2, days=180), trusted=FIRST, now=TODAY).version == 2


def test_a_roster_of_one_is_none() -> None:
    members = {name: keys for name, keys in FEDERATION.members().items() if name in {"gr", COORDINATOR}}
    with pytest.raises(RosterRefused, match="fewer than three"):
        FEDERATION.make_roster(members=members)
    weak = changed(FIRST, lambda signed: signed["roles"]["root"].update(threshold=1))
    with pytest.raises(RosterRefused, match="too few signatures"):
        read_roster(weak)
    impossible = changed(FIRST, lambda signed: signed["roles"]["root"].update(threshold=10))
    with pytest.raises(RosterRefused, match="more signatures"):
        read_roster(impossible)


def _own_member(signed: dict[str, Any]) -> None:
    signed["x-safeborders"]["members"]["zz"] = {"agreement": "1" * 64, "node": "2" * 64}


def _swap_identifiers(signed: dict[str, Any]) -> None:
    first, second = list(signed["keys"])[:2]
    signed["keys"][first], signed["keys"][second] = signed["keys"][second], signed["keys"][first]


def _another_timestamp_key(signed: dict[str, Any]) -> None:
    signed["roles"]["timestamp"]["keyids"] = signed["roles"]["root"]["keyids"][:1]


@pytest.mark.parametrize(
    "change",
    [
        _own_member,
        _swap_identifiers,
        _another_timestamp_key,
        lambda signed: signed["roles"]["root"]["keyids"].pop(),
        lambda signed: signed["roles"]["root"]["keyids"].append(signed["roles"]["root"]["keyids"][0]),
        lambda signed: signed.pop("x-safeborders"),
        lambda signed: signed["x-safeborders"]["members"].pop("coordinator"),
        lambda signed: signed["x-safeborders"]["members"]["gr"].update(node="zz"),
        lambda signed: signed["x-safeborders"]["members"]["gr"].update(extra="1"),
        lambda signed: signed.update(version="one"),
    ],
)
def test_a_roster_that_says_two_things_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    assert read_roster(changed(FIRST, lambda signed: signed)).version == 1  # the control
    with pytest.raises(RosterRefused):
        read_roster(changed(FIRST, change))


def test_one_key_for_two_is_refused() -> None:
    members = FEDERATION.members()
    for other in (members["it"].agreement, members["it"].node, members["gr"].agreement):
        with pytest.raises(RosterRefused):
            draft_roster(
                "f",
                members=members | {"gr": MemberKeys(agreement=members["gr"].agreement, node=other)},
                version=1,
                expires_at=TODAY,
            )


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"\xff", b'{"signed": {"_type": "root"}, "signatures": []}', b"[" * 100_000],
)
def test_what_is_no_roster_is_one_sentence(content: bytes) -> None:
    with pytest.raises(RosterRefused, match="no roster"):
        read_roster(content)


def test_a_key_given_twice_and_a_timestamp_are_no_roster() -> None:
    twice = FIRST.replace(b'"signatures":', b'"signatures":[],"signatures":', 1)
    with pytest.raises(RosterRefused, match="no roster"):
        read_roster(twice)
    with pytest.raises(RosterRefused, match="but no roster"):
        read_roster(FEDERATION.make_timestamp())
    document = json.loads(FIRST)
    document["signatures"].append(document["signatures"][0])
    with pytest.raises(RosterRefused):
        read_roster(json.dumps(document).encode())


def test_a_card_is_signed_with_each_of_its_keys() -> None:
    gr, it = FEDERATION.keys["gr"], FEDERATION.node_keys["gr"]
    card = issue_card("demo", "gr", agreement=gr, node=it)
    assert parse_card(card).keys() == FEDERATION.members()["gr"]
    assert len(parse_card(card).fingerprint()) == 39
    stolen = card.replace(parse_card(card).node.encode(), FEDERATION.members()["it"].node.encode())
    for wrong in (stolen, card.replace(b'"gr"', b'"it"'), b"{}"):
        with pytest.raises(RosterRefused, match="card"):
            parse_card(wrong)


def test_a_card_with_an_auditors_key_is_signed_with_that_too() -> None:
    gr, it, auditor = FEDERATION.keys["gr"], FEDERATION.node_keys["gr"], Ed25519PrivateKey.generate()
    card = issue_card("demo", "gr", agreement=gr, node=it, auditor=auditor)
    assert parse_card(card).keys() == dataclasses.replace(FEDERATION.members()["gr"], auditor=public_key_hex(auditor))
    document = json.loads(card)
    another = json.loads(issue_card("demo", "gr", agreement=gr, node=it, auditor=Ed25519PrivateKey.generate()))
    for signature in (None, another["by_auditor"]):  # nobody lists a key that is another's
        with pytest.raises(RosterRefused, match="keys on it"):
            parse_card(json.dumps({**document, "by_auditor": signature}).encode())


def test_the_fingerprint_changes_with_any_key() -> None:
    other = FEDERATION.make_roster(members=FEDERATION.members() | {"gr": fresh_keys()}, signers=())
    assert roster_fingerprint(read_roster(other)) != FEDERATION.fingerprint
    unsigned = FEDERATION.make_roster(signers=())
    assert roster_fingerprint(read_roster(unsigned)) == FEDERATION.fingerprint  # signatures are no part of it
