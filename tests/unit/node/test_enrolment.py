"""Enrolment at a node: keys stay at home, only what was read out is believed, a renewal replaces the old key."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from safeborders.configs.enrolling import certificate_validity, find_kit, is_renewal, load_tls_key
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import Conflict, SafeBordersError, SettingsError
from safeborders.kit.pki import CertificateRefused, client_context
from safeborders.models.protocol.enrolment import EnrolmentRefused, issue_kit, open_kit
from safeborders.node import enrolment as country
from safeborders.server.authority.register import Register
from sbtest.enrolling import NOW, Meeting


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    made = Meeting(tmp_path_factory.mktemp("meeting"))
    made.seat_coordinator()
    return made


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    """Return another authority with the same names."""
    made = Meeting(tmp_path_factory.mktemp("other"))
    made.seat_coordinator()
    return made


@pytest.fixture
def node(meeting: Meeting, tmp_path: Path) -> NodeSettings:
    """A node of Greece with new keys; a former one's are revoked at the authority."""
    if "gr" in meeting.register.parties and meeting.register.parties["gr"].revoked_at is None:
        meeting.register = meeting.register.without("gr", at=NOW, is_key_lost=True)
    folder, meeting.folder = meeting.folder, tmp_path
    try:
        return meeting.node()
    finally:
        meeting.folder = folder


def context_of(settings: NodeSettings) -> ssl.SSLContext:
    places = settings.places
    return client_context(authority=places.authority, certificate=places.certificate, key=places.tls_key)


def test_a_country_joins_with_a_certificate_of_the_federation(meeting: Meeting, node: NodeSettings) -> None:
    content, digits = country.build_enrolment_request(node)
    kit = country.join(node, meeting.answer(content, spoken={"gr": digits}).kit, spoken=meeting.spoken, now=NOW)
    assert kit == country.load_kit(node)
    leaf, issuing = x509.load_pem_x509_certificates(node.places.certificate.read_bytes())
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(meeting.opened.root)
    assert leaf.not_valid_after_utc - NOW <= timedelta(days=30, seconds=1)
    assert leaf.public_key() == load_tls_key(node.places.tls_key).public_key()
    assert context_of(node).verify_mode is ssl.CERT_REQUIRED


def test_no_private_key_is_in_what_travels(meeting: Meeting, node: NodeSettings) -> None:
    content, _ = country.build_enrolment_request(node)
    kit = meeting.answer(content).kit
    for document in (content, kit, open_kit(kit, spoken=meeting.spoken).model_dump_json().encode()):
        assert b"PRIVATE" not in document
    assert b"PRIVATE" in node.places.signing_key.read_bytes()  # the control: the search would find one


def test_another_fingerprint_is_refused_on_both_sides(meeting: Meeting, node: NodeSettings) -> None:
    content, digits = country.build_enrolment_request(node)
    for spoken in ({"gr": f"0000{digits[4:]}"}, {"gr": meeting.spoken}, {}):
        with pytest.raises(EnrolmentRefused, match=r"call"):
            meeting.answer(content, spoken=spoken)
    kit = meeting.answer(content).kit
    with pytest.raises(EnrolmentRefused, match="call the other side"):
        country.join(node, kit, spoken=digits, now=NOW)
    with pytest.raises(SettingsError, match="as it was read out"):
        country.join(node, kit, spoken="", now=NOW)
    assert find_kit(node.places) is None


def test_an_altered_request_is_refused(meeting: Meeting, node: NodeSettings) -> None:
    content, _ = country.build_enrolment_request(node)
    with pytest.raises(EnrolmentRefused, match="altered"):
        meeting.answer(content.replace(b'"gr"', b'"it"'))


def test_a_kit_of_another_authority_is_refused_even_with_our_names_in_it(
    meeting: Meeting, other: Meeting, node: NodeSettings
) -> None:
    other.register = Register(parties={name: one for name, one in other.register.parties.items() if name != "gr"})
    content, _ = country.build_enrolment_request(node)
    forged = other.answer(content).kit
    with pytest.raises(EnrolmentRefused, match="call the other side"):
        country.join(node, forged, spoken=meeting.spoken, now=NOW)
    country.join(node, meeting.answer(content).kit, spoken=meeting.spoken, now=NOW)
    with pytest.raises(EnrolmentRefused, match="another authority"):
        country.join(node, forged, spoken=other.spoken, now=NOW)  # once joined, no fingerprint changes the authority


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"party": "it"}, EnrolmentRefused, "another party's"),
        ({"federation": "other"}, SettingsError, "another federation"),
        ({"signing_key": "0" * 64}, EnrolmentRefused, "other keys"),
        ({"flower_key": "x"}, EnrolmentRefused, "other keys"),
        ({"edge_names": ("elsewhere.example",)}, SettingsError, "another host"),
    ],
)
def test_a_kit_for_somebody_else_is_not_kept(
    meeting: Meeting, node: NodeSettings, *, change: dict[str, object], error: type[SafeBordersError], sentence: str
) -> None:
    good = meeting.answer(country.build_enrolment_request(node)[0]).kit
    kit = open_kit(good, spoken=meeting.spoken).model_copy(update=change)
    with pytest.raises(error, match=sentence):
        country.join(node, issue_kit(kit, key=meeting.opened.signing_key), spoken=meeting.spoken, now=NOW)
    assert find_kit(node.places) is None
    country.join(node, good, spoken=meeting.spoken, now=NOW)  # the control: unchanged, it is kept


def test_a_kit_whose_certificate_is_not_of_its_root_or_of_another_key_is_not_kept(
    meeting: Meeting, other: Meeting, node: NodeSettings
) -> None:
    other.register = Register(parties={name: one for name, one in other.register.parties.items() if name != "gr"})
    content, _ = country.build_enrolment_request(node)
    good = open_kit(meeting.answer(content).kit, spoken=meeting.spoken)
    foreign = open_kit(other.answer(content).kit, spoken=other.spoken)
    stranger = meeting.node("it")
    theirs = open_kit(meeting.answer(country.build_enrolment_request(stranger)[0]).kit, spoken=meeting.spoken)

    def join(**change: object) -> None:
        kit = issue_kit(good.model_copy(update=change), key=meeting.opened.signing_key)
        country.join(node, kit, spoken=meeting.spoken, now=NOW)

    with pytest.raises(CertificateRefused):
        join(certificate=foreign.certificate)
    with pytest.raises(CertificateRefused, match="another name"):
        join(certificate=theirs.certificate)
    with pytest.raises(CertificateRefused):
        country.join(node, meeting.answer(content).kit, spoken=meeting.spoken, now=NOW + timedelta(days=31))
    join()  # the control


def test_a_renewal_takes_a_new_tls_key_without_a_fingerprint(meeting: Meeting, node: NodeSettings) -> None:
    first = meeting.answer(country.build_enrolment_request(node)[0]).kit
    country.join(node, first, spoken=meeting.spoken, now=NOW)
    before = load_tls_key(node.places.tls_key).public_key()
    assert is_renewal(node.places)
    later = NOW + timedelta(days=20)
    request, _ = country.build_enrolment_request(node)
    assert country.build_enrolment_request(node)[0] == request or node.places.next_tls_key.exists()
    context_of(node)  # while the answer is on its way, the old key and certificate still fit
    answered = meeting.answer(request, spoken={}, now=later)
    assert not answered.is_new
    country.join(node, answered.kit, spoken="", now=later)
    assert load_tls_key(node.places.tls_key).public_key() != before
    assert not node.places.next_tls_key.exists()
    context_of(node)
    assert certificate_validity(node.places).ends_at > later + timedelta(days=29)
    with pytest.raises(EnrolmentRefused, match="older"):
        country.join(node, first, spoken="", now=later)
    country.join(node, answered.kit, spoken="", now=later)  # the same again changes nothing


def test_a_crash_between_key_and_certificate_is_mended_by_joining_again(meeting: Meeting, node: NodeSettings) -> None:
    country.join(node, meeting.answer(country.build_enrolment_request(node)[0]).kit, spoken=meeting.spoken, now=NOW)
    later = NOW + timedelta(days=20)
    kit = meeting.answer(country.build_enrolment_request(node)[0], now=later).kit
    node.places.next_tls_key.replace(node.places.tls_key)  # as far as it came
    with pytest.raises(SettingsError):
        context_of(node)
    country.join(node, kit, spoken="", now=later)
    context_of(node)


def test_an_identity_is_never_overwritten(node: NodeSettings) -> None:
    with pytest.raises(Conflict):
        country.prepare_state(node)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"{}"), lambda path: path.unlink()])
def test_a_missing_or_damaged_kit_is_one_sentence(
    meeting: Meeting, node: NodeSettings, damage: Callable[[Path], object]
) -> None:
    country.join(node, meeting.answer(country.build_enrolment_request(node)[0]).kit, spoken=meeting.spoken, now=NOW)
    damage(node.places.kit)
    with pytest.raises(SettingsError, match="join"):
        country.load_kit(node)


def test_a_missing_or_open_database_key_is_one_sentence(node: NodeSettings) -> None:
    key_file = node.database.key_file
    assert key_file is not None
    key_file.chmod(0o644)
    with pytest.raises(SettingsError, match="open to other users"):
        country.load_database_key(node)
    key_file.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        country.load_database_key(node)
