"""Whom the edge lets in: enrolled, listed, not revoked, today; everybody else, and everybody in doubt, is out."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from safeborders.models.domain.countries import Country
from safeborders.server.admission import build_passes
from safeborders.server.federation.flower_requests import names_another_key
from safeborders.server.federation.passes import Doorkeeper, write_passes
from safeborders.server.registry.papers import Listed
from safeborders.server.registry.roster import RosterEntry, RosterState
from sbtest.history import START, make_certificate, make_identity

CERTIFICATE = make_certificate(Country.GR)
ENTRY = RosterEntry(Country.GR, RosterState.ENROLLED, make_identity(1), START, CERTIFICATE)
OWN = ENTRY.identity.signing_key


def listed(**keys: str) -> Listed:
    return Listed(keys=keys, ever=frozenset(keys.values()), expires_at=START + timedelta(days=90))


@pytest.mark.parametrize(
    ("entry", "certificate", "roster", "revoked"),
    [
        (replace(ENTRY, state=RosterState.REQUESTED), CERTIFICATE, None, ()),
        (replace(ENTRY, state=RosterState.REVOKED), CERTIFICATE, None, ()),
        (ENTRY, replace(CERTIFICATE, revoked_at=START), None, ()),
        (ENTRY, CERTIFICATE, None, (CERTIFICATE.serial,)),
        (ENTRY, CERTIFICATE, listed(), ()),
        (ENTRY, CERTIFICATE, listed(it=OWN), ()),
        (ENTRY, CERTIFICATE, listed(gr="f" * 64), ()),
        (ENTRY, replace(CERTIFICATE, country=Country.IT), None, ()),
    ],
    ids=[
        "asked",
        "out",
        "revoked",
        "on the list",
        "no member",
        "another's key",
        "another key",
        "another's certificate",
    ],
)
def test_nobody_gets_a_pass_whom_anybody_refuses(
    entry: RosterEntry, certificate: object, roster: Listed | None, revoked: tuple[str, ...]
) -> None:
    assert build_passes([entry], [certificate], listed=roster, revoked=revoked) == ()  # type: ignore[list-item]  # parametrised


@pytest.mark.parametrize("roster", [None, listed(gr=OWN)])
def test_control_an_enrolled_country_gets_a_pass_for_each_of_its_certificates(roster: Listed | None) -> None:
    newer = make_certificate(Country.GR, number=2)
    passes = build_passes([ENTRY], [CERTIFICATE, newer], listed=roster, revoked=("ff",))
    assert {one.certificate_sha256 for one in passes} == {CERTIFICATE.sha256, newer.sha256}
    assert {(one.country, one.flower_key) for one in passes} == {(Country.GR, ENTRY.identity.flower_key)}


def test_a_pass_ends_with_its_certificate_and_counts_from_the_moment_it_is_written(tmp_path: Path) -> None:
    now = [START]
    doors = Doorkeeper(tmp_path / "passes.json", clock=lambda: now[0])
    assert doors.find_pass(CERTIFICATE.sha256) is None  # no file: nobody
    passes = build_passes([ENTRY], [CERTIFICATE], listed=None, revoked=())
    write_passes(passes, tmp_path / "passes.json")
    found = doors.find_pass(CERTIFICATE.sha256)
    assert found is not None
    assert found.country is Country.GR
    assert doors.find_pass("0" * 64) is None
    now[0] = CERTIFICATE.ends_at
    assert doors.find_pass(CERTIFICATE.sha256) is None
    now[0] = START
    write_passes((), tmp_path / "passes.json")
    assert doors.find_pass(CERTIFICATE.sha256) is None


@pytest.mark.parametrize("damage", [b"", b"[", b'[{"country": "gr"}]', b"null"])
def test_a_damaged_list_lets_nobody_in_and_a_whole_one_mends_it(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "passes.json"
    doors = Doorkeeper(path, clock=lambda: START)
    write_passes(build_passes([ENTRY], [CERTIFICATE], listed=None, revoked=()), path)
    whole = path.read_bytes()
    assert doors.find_pass(CERTIFICATE.sha256) is not None
    path.write_bytes(damage)
    assert doors.find_pass(CERTIFICATE.sha256) is None
    path.write_bytes(whole)
    assert doors.find_pass(CERTIFICATE.sha256) is not None


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ([], False),
        ([(b"flwr-public-key", b"b3du")], False),
        ([(b"Flwr-Public-Key", b"b3du")], False),
        ([(b"flwr-public-key", b"b3RoZXI=")], True),
        ([(b"flwr-public-key", b"b3du"), (b"flwr-public-key", b"b3RoZXI=")], True),
        ([(b"flwr-public-key", b"b3du"), (b"FLWR-PUBLIC-KEY", b"b3du")], True),
        ([(b"flwr-public-key", b"not base 64")], True),
        ([(b"flwr-public-key", b"")], True),
    ],
)
def test_a_request_names_its_own_key_once(headers: list[tuple[bytes, bytes]], *, refused: bool) -> None:
    assert names_another_key(headers, own="own") is refused
