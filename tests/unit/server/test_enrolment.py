"""What the coordinator believes: kits of its own authority, for countries that asked here, and newer lists only."""

from datetime import timedelta
from pathlib import Path

import pytest

from safeborders.configs.enrolling import find_kit
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.pki import CertificateRefused, certificate_sha256, load_certificates
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import EnrolmentRefused, issue_kit, open_kit
from safeborders.node.enrolment import build_enrolment_request
from safeborders.server import enrolment
from safeborders.server.authority.signing import Desk
from sbtest.enrolling import NOW, Meeting


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    return Meeting(tmp_path_factory.mktemp("meeting"))


def test_the_coordinator_joins_by_fingerprint_and_renews_without(meeting: Meeting) -> None:
    first = meeting.answer(enrolment.build_edge_request(meeting.centre)).kit
    with pytest.raises(SettingsError, match="no certificate yet"):
        enrolment.get_kit(meeting.centre)
    with pytest.raises(EnrolmentRefused, match="call the other side"):
        enrolment.join(meeting.centre, first, spoken=enrolment.coordinator_fingerprint(meeting.centre), now=NOW)
    assert find_kit(meeting.centre.places) is None
    enrolment.join(meeting.centre, first, spoken=meeting.spoken, now=NOW)
    kept = load_certificates(meeting.centre.places.certificate.read_bytes())
    later = NOW + timedelta(days=60)
    renewed = meeting.answer(enrolment.build_edge_request(meeting.centre), spoken={}, now=later).kit
    enrolment.join(meeting.centre, renewed, spoken="", now=later)
    found = load_certificates(meeting.centre.places.certificate.read_bytes())
    assert certificate_sha256(found[0]) != certificate_sha256(kept[0])
    assert found[0].public_key() != kept[0].public_key()
    assert found[0].not_valid_after_utc > kept[0].not_valid_after_utc + timedelta(days=59)


def test_a_kit_for_another_host_or_coordinator_is_refused(meeting: Meeting) -> None:
    later = NOW + timedelta(days=61)
    good = open_kit(meeting.answer(enrolment.build_edge_request(meeting.centre), now=later).kit, spoken=meeting.spoken)
    for change in ({"edge_names": ("localhost",)}, {"coordinator_key": "0" * 64}, {"federation": "other"}):
        kit = issue_kit(good.model_copy(update=change), key=meeting.opened.signing_key)
        with pytest.raises(EnrolmentRefused, match="another"):
            enrolment.join(meeting.centre, kit, spoken="", now=later)
    enrolment.join(meeting.centre, issue_kit(good, key=meeting.opened.signing_key), spoken="", now=later)  # control


def test_a_countrys_kit_counts_when_our_authority_signed_it(meeting: Meeting, tmp_path: Path) -> None:
    node = meeting.node("it")
    answered = meeting.answer(build_enrolment_request(node)[0])
    kit, held = enrolment.open_country_kit(meeting.centre, answered.kit, now=NOW)
    assert (kit.party, held.country, held.sha256) == ("it", Country.IT, answered.certificate.sha256)
    with pytest.raises(CertificateRefused):
        enrolment.open_country_kit(meeting.centre, answered.kit, now=NOW + timedelta(days=31))
    edge = meeting.answer(enrolment.build_edge_request(meeting.centre)).kit
    with pytest.raises(EnrolmentRefused, match="no country"):
        enrolment.open_country_kit(meeting.centre, edge, now=NOW)
    other = Meeting(tmp_path)
    other.seat_coordinator()
    foreign = other.answer(build_enrolment_request(node)[0]).kit
    with pytest.raises(EnrolmentRefused, match="another authority"):
        enrolment.open_country_kit(meeting.centre, foreign, now=NOW)


def test_lists_of_revoked_certificates_only_follow_each_other(meeting: Meeting, tmp_path: Path) -> None:
    node = meeting.node("pl")
    issued = meeting.answer(build_enrolment_request(node)[0]).certificate
    desk = Desk(meeting.authority, authority=meeting.opened, register=meeting.register)
    before = desk.list_revoked(now=NOW)
    desk.register = desk.register.without("pl", at=NOW, is_key_lost=True)
    after = desk.list_revoked(now=NOW)
    meeting.register = desk.register

    kept = enrolment.keep_revocations(meeting.centre, after)
    assert int(issued.serial, 16) in kept.serials
    assert enrolment.keep_revocations(meeting.centre, before) == kept  # an older list takes nothing back
    assert enrolment.find_revocations(meeting.centre) == kept
    other = Meeting(tmp_path)
    foreign = Desk(other.authority, authority=other.opened, register=other.register).list_revoked(now=NOW)
    with pytest.raises(CertificateRefused):
        enrolment.keep_revocations(meeting.centre, foreign)
    with pytest.raises(CertificateRefused):
        enrolment.keep_revocations(meeting.centre, b"nothing")


def test_an_identity_is_never_overwritten(meeting: Meeting) -> None:
    with pytest.raises(Conflict):
        enrolment.create_identity(meeting.centre)
