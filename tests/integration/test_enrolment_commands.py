"""From an empty folder to a member that was renewed and revoked, by the commands that people type and files they carry.

What no file under the coordinator's state can do is sign a certificate; the control puts the authority's key there.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from safeborders.configs.authority import AuthoritySettings
from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.pki import CertificateRefused, certificate_sha256, load_certificates
from safeborders.kit.transparency.checkpoint import CheckpointRefused
from safeborders.models.protocol.enrolment import EnrolmentRefused, open_kit
from safeborders.models.protocol.membership import MemberState
from safeborders.models.protocol.roster import RosterRefused
from safeborders.server.admission import EdgeWatch, refresh_passes
from safeborders.server.authority.keys import open_authority
from safeborders.server.federation.passes import Doorkeeper
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.services.nodes import judge_member
from safeborders.server.services.papers import FolderPaperReader, PaperState
from safeborders.server.storage.opening import open_registry_database
from sbtest.agreements import PaperFederation
from sbtest.commands import refused, safeborders
from sbtest.enrolling import PASSPHRASE, Post, write_coordinator_profile, write_node_profile
from sbtest.signing_power import find_signing_power


@dataclass(frozen=True)
class Town:
    """A federation of which everybody has joined by command."""

    folder: Path
    post: Post
    authority: str

    @property
    def settings(self) -> CoordinatorSettings:
        return load_settings(self.post.coordinator, CoordinatorSettings)

    def node(self, country: str) -> Path:
        return self.folder / f"{country}.yaml"

    def opens_for(self, country: str) -> bool:
        """Tell whether the edge lets in the certificate that the node of ``country`` shows."""
        doors = Doorkeeper(self.settings.places.passes, clock=lambda: datetime.now(UTC))
        shown = load_certificates((self.folder / country / "enrolment" / "certificate.pem").read_bytes())[0]
        return doors.find_pass(certificate_sha256(shown)) is not None

    def coordinator(self, command: str, *arguments: str | Path) -> str:
        return safeborders("coordinator", command, "-p", self.post.coordinator, *arguments)

    def shown(self, who: str) -> str:
        rows = json.loads(safeborders("authority", "show", "-p", self.post.authority, "--json"))["rows"]
        return str(next(row["state"] for row in rows if row["who"] == who))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Greece, Italy and Poland have joined; a test that takes one out takes Italy or Poland."""
    folder = tmp_path_factory.mktemp("town")
    post = Post(folder, coordinator=write_coordinator_profile(folder), run=safeborders)
    made = Town(folder, post, authority=post.seat_coordinator())
    for country in ("gr", "it", "pl"):
        safeborders("node", "init", "-p", write_node_profile(folder, country))
        post.enrol(country, made.node(country), authority=made.authority)
    return made


def test_no_file_of_the_coordinator_can_sign_a_certificate(town: Town) -> None:
    authority = load_settings(town.post.authority, AuthoritySettings)
    opened = open_authority(authority, passphrase=PASSPHRASE)
    signers = [opened.root, opened.issuing.certificate]
    state = town.settings.places.state
    assert len(list(state.rglob("*.pem"))) > 3  # there are keys to be tried

    assert find_signing_power(state, authorities=signers) == []
    assert find_signing_power(town.folder / "gr", authorities=signers) == []

    stolen = state / "notes.txt"
    shutil.copy(authority.places.issuing_key, stolen)
    assert find_signing_power(state, authorities=signers) == ["notes.txt: a private key under a passphrase"]
    for form, before in ((serialization.Encoding.PEM, b"a letter\n"), (serialization.Encoding.DER, b"")):
        plain = serialization.NoEncryption()
        stolen.write_bytes(before + opened.issuing.key.private_bytes(form, serialization.PrivateFormat.PKCS8, plain))
        # the control: opened and hidden, it is found and really signs
        assert find_signing_power(state, authorities=signers) == ["notes.txt: signs certificates"]
    stolen.unlink()


def test_no_kit_and_no_request_carries_a_private_key(town: Town) -> None:
    travelled = [*(town.folder / "kits").iterdir(), *town.folder.glob("*.request")]
    assert len(travelled) >= 8
    for path in travelled:
        kept = path.read_bytes()
        assert b"PRIVATE" not in kept
        if path.name.endswith("kit.json"):
            assert "PRIVATE" not in open_kit(kept, spoken=town.authority).model_dump_json()


def test_a_member_renews_while_its_old_certificate_still_counts(town: Town) -> None:
    before = (town.folder / "gr" / "enrolment" / "certificate.pem").read_bytes()
    request, _ = town.post.ask("gr", town.node("gr"))
    assert "enrolled, renews" in town.coordinator("register", request)
    roster = town.folder / "carried.json"
    roster.write_bytes(PaperFederation(federation="test").roster)
    town.post.sign(request, roster=roster)  # the key was compared before: no fingerprint
    assert "enrolled, certificate until" in town.coordinator("admit", town.post.kit("gr"))
    assert town.opens_for("gr")  # with the old one, which the node still shows
    printed = safeborders("node", "join", "-p", town.node("gr"), town.post.kit("gr"))
    assert "nothing has to stop" in printed
    assert "Roster 1 came with the kit" in printed
    assert (town.folder / "gr" / "enrolment" / "roster.json").read_bytes() == roster.read_bytes()
    status = json.loads(safeborders("node", "agreement", "status", "-p", town.node("gr"), "--json"))
    assert (status["roster"], status["member"]) == ("none", "requested")  # carried, and believed by nobody yet
    assert (town.folder / "gr" / "enrolment" / "certificate.pem").read_bytes() != before
    assert town.opens_for("gr")
    assert town.shown("gr") == "enrolled"


def test_a_kit_that_the_coordinator_was_not_asked_for_enrols_nobody(town: Town) -> None:
    safeborders("node", "init", "-p", write_node_profile(town.folder, "ro"))
    request, digits = town.post.ask("ro", town.node("ro"))
    town.post.sign(request, f"ro={digits}")
    admit = ("coordinator", "admit", "-p", town.post.coordinator, town.post.kit("ro"))
    assert "has not asked here" in refused(Conflict, *admit)
    town.coordinator("register", request)
    assert "enrolled" in safeborders(*admit)  # the control
    join = ("node", "join", "-p", town.node("gr"), town.post.kit("ro"))
    assert "another party" in refused(EnrolmentRefused, *join)
    edge = ("coordinator", "register", "-p", town.post.coordinator, town.folder / "coordinator.request")
    assert "no country" in refused(EnrolmentRefused, *edge)


def sign_roster(town: Town, *, cards: dict[str, Path], out: Path, after: Path | None = None, keys: list[Path]) -> str:
    """Draft a roster of ``cards``, sign it with ``keys``, and return its fingerprint."""
    follows = () if after is None else ("--after", after)
    safeborders("roster", "draft", "test", *cards.values(), "--out", out, *follows)
    for key in keys:
        safeborders("roster", "sign", out, "--key", key)
    return str(json.loads(safeborders("roster", "show", out, "--json"))["fingerprint"])


def test_the_roster_of_keys_is_rotated_followed_and_shuts_out_who_is_not_in_it(town: Town) -> None:
    sides = {"gr": "node", "it": "node", "pl": "node", "coordinator": "coordinator"}
    profiles = {name: town.post.coordinator if name == "coordinator" else town.node(name) for name in sides}
    cards = {name: town.folder / f"{name}.card" for name in sides}
    for name, side in sides.items():
        safeborders(side, "agreement", "keys", "-p", profiles[name], "--out", cards[name])
    keys = {name: town.folder / name / "identity" / "agreement.pem" for name in ("gr", "it", "pl")}
    first, second, third = (town.folder / f"roster-{number}.json" for number in (1, 2, 3))
    digits = sign_roster(town, cards=cards, out=first, keys=list(keys.values()))
    for name, side in sides.items():
        safeborders(side, "agreement", "roster", "-p", profiles[name], first, "--fingerprint", digits)
    assert town.opens_for("gr")

    # Rotation: Greece makes a new agreement key; old and new threshold sign.
    printed = safeborders("node", "agreement", "keys", "-p", profiles["gr"], "--renew", "--out", cards["gr"])
    successor = town.folder / "gr" / "identity" / "agreement.next.pem"
    assert successor.name in printed
    sign_roster(town, cards=cards, out=second, after=first, keys=list(keys.values()))
    follow = ("node", "agreement", "roster", "-p")
    assert "lacks 1" in refused(RosterRefused, *follow, profiles["gr"], second)  # three old keys, two new ones
    safeborders("roster", "sign", second, "--key", successor)
    new_key = successor.read_bytes()
    assert "new agreement key is in force" in safeborders(*follow, profiles["gr"], second)
    assert keys["gr"].read_bytes() == new_key
    assert "not the next version" in refused(RosterRefused, *follow, profiles["gr"], first)  # no way back

    # Two of three cannot put the third out; with its signature it is out at once, at the edge too.
    safeborders("node", "init", "-p", write_node_profile(town.folder, "be"))
    town.post.enrol("be", town.node("be"), authority=town.authority)
    assert not town.opens_for("be")  # enrolled, and in no roster in force yet
    cards["be"] = town.folder / "be.card"
    safeborders("node", "agreement", "keys", "-p", town.node("be"), "--out", cards["be"])
    del cards["it"]
    keys["be"] = town.folder / "be" / "identity" / "agreement.pem"
    central = ("coordinator", "agreement", "roster", "-p", town.post.coordinator)
    safeborders(*central, second)
    sign_roster(town, cards=cards, out=third, after=second, keys=[keys["gr"], keys["pl"], keys["be"]])
    assert "lacks 1" in refused(RosterRefused, *central, third)
    assert town.opens_for("it")  # the control
    safeborders("roster", "sign", third, "--key", keys["it"])
    safeborders(*central, third)
    assert [town.opens_for(name) for name in ("it", "be", "gr")] == [False, True, True]
    listed = FolderPaperReader(town.settings).find_listed()
    engine = open_registry_database(town.settings.registry_url)
    states = {
        entry.country.value: judge_member(entry, listed=listed, now=datetime.now(UTC)).state
        for entry in SqlRoster(engine).list_roster()
    }
    assert (states["it"], states["be"]) == (MemberState.REVOKED, MemberState.ENROLLED)
    for path in town.settings.places.papers.glob("roster.*"):
        path.unlink()  # the other tests of this module know no roster
    refresh_passes(town.settings, roster=SqlRoster(engine))
    engine.dispose()


def test_the_authoritys_list_shuts_a_certificate_out_at_once_and_for_good(town: Town) -> None:
    assert town.opens_for("it")
    listed, again = town.folder / "revocations.pem", town.folder / "again.pem"
    assert "new keys" in safeborders("authority", "revoke", "-p", town.post.authority, "it", "--out", listed)
    printed = town.coordinator("revocations", listed)
    assert "it       certificate until" in printed
    assert "refused from now on" in printed
    assert not town.opens_for("it")
    assert town.opens_for("gr")  # the control
    assert (town.shown("it"), town.shown("gr")) == ("revoked", "enrolled")
    assert "was revoked" in refused(Conflict, "coordinator", "admit", "-p", town.post.coordinator, town.post.kit("it"))
    request, digits = town.post.ask("it", town.node("it"))
    sign = ("authority", "sign", "-p", town.post.authority, request, "--out", town.folder / "kits")
    assert "was revoked" in refused(Conflict, *sign, "--fingerprint", f"it={digits}")
    refused(CertificateRefused, "coordinator", "revocations", "-p", town.post.coordinator, town.post.kit("gr"))
    safeborders("authority", "revocations", "-p", town.post.authority, "--out", again)
    town.coordinator("revocations", again)
    assert not town.opens_for("it")


def test_the_coordinator_shuts_a_country_out_by_itself(town: Town) -> None:
    assert town.opens_for("pl")
    assert "safeborders authority revoke pl" in town.coordinator("revoke", "pl")
    assert not town.opens_for("pl")
    assert town.opens_for("gr")  # the control
    register = ("coordinator", "register", "-p", town.post.coordinator, town.folder / "pl.request")
    assert "must make a new one" in refused(Conflict, *register)
    nowhere = ("coordinator", "revoke", "-p", town.post.coordinator, "zz")
    assert "No country has this code" in refused(SettingsError, *nowhere)


def test_a_country_whose_keys_were_lost_comes_back_with_new_ones_and_its_log_goes_on(town: Town) -> None:
    """Last of Poland: its former key is revoked by the test before, or here."""
    node, state = town.node("pl"), town.folder / "pl"
    audit = ("audit", "verify", "-p", node)
    safeborders("audit", "checkpoint", "-p", node)
    before = json.loads(safeborders(*audit, "--json"))
    former = (state / "identity" / "signing.pem").read_bytes()
    assert "say --yes" in refused(SettingsError, "node", "rekey", "-p", node)
    assert (state / "identity" / "signing.pem").read_bytes() == former
    safeborders("node", "rekey", "-p", node, "--yes")
    assert (state / "identity" / "signing.pem").read_bytes() != former
    assert json.loads(safeborders(*audit, "--json"))["size"] > before["size"]  # whole, under both keys
    assert "run safeborders node join" in refused(SettingsError, "node", "run", "-p", node)
    request, _ = town.post.ask("pl", node)
    assert "revoke" in refused(Conflict, "authority", "sign", "-p", town.post.authority, request, "--out", town.folder)
    safeborders("authority", "revoke", "-p", town.post.authority, "pl", "--out", town.folder / "pl.pem")
    town.coordinator("revocations", town.folder / "pl.pem")
    town.coordinator("revoke", "pl")
    town.post.enrol("pl", node, authority=town.authority)
    assert town.opens_for("pl")
    (state / "identity" / "former-keys").unlink()  # the control: without the former key its checkpoint is nobody's
    refused(CheckpointRefused, *audit)


def test_the_edge_is_renewed_by_itself_and_told_to_start_afresh_once(town: Town) -> None:
    settings = town.settings
    engine = open_registry_database(settings.registry_url)
    watch = EdgeWatch(settings, roster=SqlRoster(engine))
    assert watch.look() == []
    request = town.folder / "renewal.request"
    assert "Read this fingerprint" not in town.coordinator("enrol", "--out", request)
    assert watch.look() == []  # a request alone changes nothing
    town.post.sign(request)
    town.coordinator("join", town.post.kit("coordinator"))
    assert watch.look() == ["edge"]
    assert watch.look() == []
    papers = {one.name: one.state for one in FolderPaperReader(settings).list_own(now=datetime.now(UTC))}
    engine.dispose()
    assert papers == {
        "Certificate of the public edge": PaperState.GOOD,
        "Authority that issued it": PaperState.GOOD,
        "List of revoked certificates": PaperState.GOOD,
        "Roster of keys": PaperState.MISSING,
    }


def test_what_people_read_fits_eighty_columns(town: Town) -> None:
    printed = safeborders("authority", "show", "-p", town.post.authority)
    assert "coordinator enrolled" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
