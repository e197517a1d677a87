"""That a roster is the newest is the coordinator's word of a day, about exactly one version."""

import json
from datetime import timedelta

import pytest

from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.freshness import check_timestamp, issue_timestamp
from safeborders.models.protocol.roster import RosterRefused
from sbtest.agreements import TODAY, PaperFederation

FEDERATION = PaperFederation()
STAMP = FEDERATION.make_timestamp()


def test_a_timestamp_is_good_for_a_day() -> None:
    version = check_timestamp(STAMP, roster=FEDERATION.roster, last_version=0, now=TODAY)
    assert version == int(TODAY.timestamp())
    assert check_timestamp(STAMP, roster=FEDERATION.roster, last_version=version, now=TODAY + timedelta(hours=23))
    for late in (timedelta(hours=24), timedelta(days=3)):
        with pytest.raises(RosterRefused, match="not of today"):
            check_timestamp(STAMP, roster=FEDERATION.roster, last_version=0, now=TODAY + late)
    with pytest.raises(RosterRefused, match="not of today"):  # issued tomorrow: it would outlive its day
        check_timestamp(STAMP, roster=FEDERATION.roster, last_version=0, now=TODAY - timedelta(hours=1))


def test_an_older_timestamp_never_comes_back() -> None:
    with pytest.raises(RosterRefused, match="older than one seen"):
        check_timestamp(STAMP, roster=FEDERATION.roster, last_version=int(TODAY.timestamp()) + 1, now=TODAY)


def test_a_timestamp_of_another_roster_does_not_fit() -> None:
    second = FEDERATION.make_roster(version=2)
    for roster, stamp in ((second, STAMP), (FEDERATION.roster, FEDERATION.make_timestamp(roster=second))):
        with pytest.raises(RosterRefused, match="another roster"):
            check_timestamp(stamp, roster=roster, last_version=0, now=TODAY)
    other = FEDERATION.make_roster(days=80)  # the same version with another content
    with pytest.raises(RosterRefused, match="another roster"):
        check_timestamp(STAMP, roster=other, last_version=0, now=TODAY)
    assert check_timestamp(FEDERATION.make_timestamp(roster=other), roster=other, last_version=0, now=TODAY)


@pytest.mark.parametrize("signer", ["gr", "it"])
def test_only_the_coordinator_signs_timestamps(signer: str) -> None:
    forged = issue_timestamp(FEDERATION.roster, key=FEDERATION.node_keys[signer], now=TODAY)
    with pytest.raises(RosterRefused, match="not signed by the coordinator"):
        check_timestamp(forged, roster=FEDERATION.roster, last_version=0, now=TODAY)
    by_agreement_key = issue_timestamp(FEDERATION.roster, key=FEDERATION.keys[COORDINATOR], now=TODAY)
    with pytest.raises(RosterRefused, match="not signed by the coordinator"):
        check_timestamp(by_agreement_key, roster=FEDERATION.roster, last_version=0, now=TODAY)


def test_what_is_no_timestamp_is_refused() -> None:
    for wrong in (b"", b"{}", FEDERATION.roster, STAMP.replace(b'"version":1', b'"version":2')):
        with pytest.raises(RosterRefused):
            check_timestamp(wrong, roster=FEDERATION.roster, last_version=0, now=TODAY)
    document = json.loads(STAMP)
    document["signed"]["expires"] = "2099-01-01T00:00:00Z"
    with pytest.raises(RosterRefused, match="not signed"):
        check_timestamp(json.dumps(document).encode(), roster=FEDERATION.roster, last_version=0, now=TODAY)


def test_an_expired_roster_is_not_made_fresh() -> None:
    later = TODAY + timedelta(days=91)
    stamp = FEDERATION.make_timestamp(now=later)
    with pytest.raises(RosterRefused, match="expired"):
        check_timestamp(stamp, roster=FEDERATION.roster, last_version=0, now=later)
