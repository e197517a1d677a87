"""The authority's rules: whom it answers, what it refuses, and that a revoked key never comes back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from safeborders.configs.authority import AuthoritySettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.pki import CertificateRefused, build_request, load_certificates
from safeborders.kit.revocations import read_revocations
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import EdgeRequest, EnrolmentRefused, EnrolmentRequest, fingerprint, open_kit
from safeborders.models.protocol.roster import RosterRefused
from safeborders.server.authority.keys import create_keys, open_authority, rotate_issuing
from safeborders.server.authority.register import Register, load_register, save_register
from safeborders.server.authority.signing import Desk
from safeborders.server.enrolment import build_edge_request
from sbtest.agreements import PaperFederation
from sbtest.enrolling import NOW, PASSPHRASE, Meeting


@pytest.fixture(scope="module")
def seated(tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    made = Meeting(tmp_path_factory.mktemp("meeting"))
    made.seat_coordinator()
    return made


@pytest.fixture
def meeting(seated: Meeting) -> Iterator[Meeting]:
    """A meeting of which the authority remembers the coordinator alone."""
    before = seated.register
    yield seated
    seated.register = before


def pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def request_of(
    party: str = "gr", *, signing_key: str = "1" * 64, flower_key: str | None = None, name: str | None = None
) -> EnrolmentRequest:
    key = ec.generate_private_key(ec.SECP256R1())
    return EnrolmentRequest(
        federation="test",
        country=Country(party),
        signing_key=signing_key,
        flower_key=pem(ec.generate_private_key(ec.SECP384R1()).public_key()) if flower_key is None else flower_key,
        certificate_request=build_request(name or party, key=key).public_bytes(serialization.Encoding.PEM).decode(),
        epsilon_cap=8,
    )


@pytest.mark.parametrize(
    "flower_key",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        pem(ed25519.Ed25519PrivateKey.generate().public_key()),
        f"{pem(ec.generate_private_key(ec.SECP384R1()).public_key())}\n",
    ],
    ids=["empty", "text", "damaged", "ed25519", "written otherwise"],
)
def test_a_flower_key_that_cannot_be_used_gets_no_certificate(meeting: Meeting, flower_key: str) -> None:
    with pytest.raises(SettingsError, match="Flower key"):
        meeting.answer(request_of(flower_key=flower_key))
    assert meeting.answer(request_of()).kit  # the control


def test_a_certificate_request_in_another_name_or_over_another_kind_of_key_is_refused(meeting: Meeting) -> None:
    with pytest.raises(SettingsError, match="another name"):
        meeting.answer(request_of(name="it"))
    large = build_request("gr", key=ec.generate_private_key(ec.SECP521R1()))
    text = large.public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(SettingsError, match="P-256"):
        meeting.answer(request_of().model_copy(update={"certificate_request": text}))
    with pytest.raises(SettingsError, match="cannot be read"):
        meeting.answer(request_of().model_copy(update={"certificate_request": "no request"}))
    with pytest.raises(SettingsError, match="another federation"):
        meeting.answer(request_of().model_copy(update={"federation": "other"}))


def test_nobody_joins_before_the_coordinator(meeting: Meeting) -> None:
    meeting.register = Register()
    with pytest.raises(Conflict, match="before those of countries"):
        meeting.answer(request_of())


def test_a_key_is_compared_once_and_then_renews_by_itself(meeting: Meeting) -> None:
    assert meeting.answer(request_of()).is_new
    assert not meeting.answer(request_of(), spoken={}).is_new
    with pytest.raises(EnrolmentRefused, match="Nobody has read out"):
        meeting.answer(request_of("it", signing_key="2" * 64), spoken={})
    with pytest.raises(EnrolmentRefused, match="differs"):
        meeting.answer(request_of(), spoken={"gr": "0000-0000"})  # said wrongly, it is refused even where not needed


def test_a_country_has_one_key_and_a_key_one_country(meeting: Meeting) -> None:
    meeting.answer(request_of())
    with pytest.raises(Conflict, match="another key in force"):
        meeting.answer(request_of(signing_key="2" * 64))
    with pytest.raises(Conflict, match="that of gr"):
        meeting.answer(request_of("it"))
    assert meeting.answer(request_of("it", signing_key="2" * 64)).is_new  # the control


def test_a_revoked_key_never_comes_back_and_a_new_one_needs_its_fingerprint(meeting: Meeting) -> None:
    first = meeting.answer(request_of()).certificate
    meeting.register = meeting.register.without("gr", at=NOW, is_key_lost=True)
    assert set(meeting.register.revoked_serials(now=NOW)) == {int(first.serial, 16)}
    for party in ("gr", "it"):
        with pytest.raises(Conflict, match="revoked"):
            meeting.answer(request_of(party))
    with pytest.raises(EnrolmentRefused, match="Nobody has read out"):
        meeting.answer(request_of(signing_key="2" * 64), spoken={})
    kit = open_kit(meeting.answer(request_of(signing_key="2" * 64)).kit, spoken=meeting.spoken)
    listed = read_revocations(kit.revocations.encode(), issuer=load_certificates(kit.issuing.encode())[0])
    assert listed.serials == {int(first.serial, 16)}
    with pytest.raises(Conflict, match="nothing in force"):
        meeting.register.without("pl", at=NOW, is_key_lost=True)
    assert meeting.register.revoked_serials(now=NOW + timedelta(days=31)) == {}  # it has ended by itself


def test_a_lost_tls_key_alone_lets_the_country_renew(meeting: Meeting) -> None:
    first = meeting.answer(request_of()).certificate
    meeting.register = meeting.register.without("gr", at=NOW, is_key_lost=False)
    second = meeting.answer(request_of(), spoken={})
    assert not second.is_new
    assert set(meeting.register.revoked_serials(now=NOW)) == {int(first.serial, 16)}
    assert meeting.register.newest_of("gr") == second.certificate


def test_the_edge_gets_no_name_beyond_the_profile(meeting: Meeting) -> None:
    request = build_edge_request(meeting.centre)
    assert meeting.answer(request).kit
    greedy = EdgeRequest(
        federation="test",
        edge_names=("127.0.0.1", "bank.example"),
        signing_key=meeting.register.coordinator_key,
        certificate_request=build_request("coordinator", key=ec.generate_private_key(ec.SECP256R1()))
        .public_bytes(serialization.Encoding.PEM)
        .decode(),
    )
    with pytest.raises(SettingsError, match="edge_names"):
        meeting.answer(greedy)
    meeting.authority = meeting.authority.model_copy(update={"edge_names": ("127.0.0.1", "bank.example")})
    try:
        with pytest.raises(CertificateRefused):  # the issuing authority may not name it, whatever the profile says
            meeting.answer(greedy)
    finally:
        meeting.authority = meeting.authority.model_copy(update={"edge_names": ("localhost", "127.0.0.1")})


def test_a_new_issuing_authority_takes_new_names_and_no_certificate_outlives_its_issuer(tmp_path: Path) -> None:
    made = Meeting(tmp_path)
    made.seat_coordinator()
    late = NOW + timedelta(days=710)
    with pytest.raises(Conflict, match="rotate"):
        made.answer(request_of(), now=late)
    wider = made.authority.model_copy(update={"edge_names": ("127.0.0.1", "new.example")})
    rotate_issuing(wider, passphrase=PASSPHRASE, now=late)
    made.authority, made.opened = wider, open_authority(wider, passphrase=PASSPHRASE)
    assert made.answer(request_of(), now=late).certificate.ends_at > late + timedelta(days=29)
    edge = EdgeRequest(
        federation="test",
        edge_names=("new.example",),
        signing_key=made.register.coordinator_key,
        certificate_request=build_request("coordinator", key=ec.generate_private_key(ec.SECP256R1()))
        .public_bytes(serialization.Encoding.PEM)
        .decode(),
    )
    assert made.answer(edge, now=late).kit


def test_the_passphrase_opens_the_keys_and_nothing_else_does(meeting: Meeting, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not open"):
        open_authority(meeting.authority, passphrase=f"{PASSPHRASE}!")
    with pytest.raises(SettingsError, match="under 12"):
        create_keys(_elsewhere(meeting.authority, tmp_path / "short"), passphrase="short", now=NOW)
    with pytest.raises(Conflict, match="already"):
        create_keys(meeting.authority, passphrase=PASSPHRASE, now=NOW)
    with pytest.raises(SettingsError, match="authority init"):
        open_authority(_elsewhere(meeting.authority, tmp_path / "nowhere"), passphrase=PASSPHRASE)


def test_the_register_is_kept_whole_and_a_damaged_one_is_named(meeting: Meeting, tmp_path: Path) -> None:
    meeting.answer(request_of())
    save_register(meeting.register, tmp_path / "register.json")
    assert load_register(tmp_path / "register.json") == meeting.register
    (tmp_path / "register.json").write_bytes(b'{"version": 2}')
    with pytest.raises(SettingsError, match="damaged"):
        load_register(tmp_path / "register.json")


def test_a_roster_travels_only_within_its_federation(meeting: Meeting) -> None:
    def desk_with(roster: bytes) -> Desk:
        return Desk(meeting.authority, authority=meeting.opened, register=meeting.register, roster=roster)

    with pytest.raises(RosterRefused):
        desk_with(b"{}")
    with pytest.raises(SettingsError, match="another federation"):
        desk_with(PaperFederation().roster)
    roster = PaperFederation(federation="test").roster
    request = request_of()
    answered = desk_with(roster).answer(request, spoken={"gr": fingerprint(request.signing_key)}, now=NOW)
    assert open_kit(answered.kit, spoken=meeting.spoken).roster.encode() == roster


def _elsewhere(settings: AuthoritySettings, folder: Path) -> AuthoritySettings:
    return settings.model_copy(update={"state": folder})
