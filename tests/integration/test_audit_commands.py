"""LED article 25 at the commands: the log is checked, handed to an authority, and one changed row is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.db import open_url
from safeborders.kit.errors import Conflict, SafeBordersError, SettingsError
from safeborders.kit.transparency.errors import ExportRefused, LogDamaged, NoSuchRow
from safeborders.models.protocol.keycard import parse_card
from safeborders.node.access.callers import Role
from safeborders.node.opening import open_node_store
from safeborders.node.storage.access import SqlTokens
from sbtest.commands import safeborders
from sbtest.enrolling import Post, write_coordinator_profile, write_node_profile


@dataclass(frozen=True)
class Side:
    """A log's profile, its group of commands, and how an administrator gets past its triggers."""

    profile: Path
    group: tuple[str, ...]
    tamper: Callable[[str], None]

    def run(self, command: str, *more: str | Path) -> str:
        return safeborders(*self.group, command, *more, *(("-p", self.profile) if command != "check" else ()))

    def refused(self, error: type[SafeBordersError], command: str, *more: str | Path) -> str:
        with pytest.raises(error) as refusal:
            self.run(command, *more)
        return refusal.value.message


@cache
def _template() -> TemporaryDirectory[str]:
    """A coordinator that one country asked, that admitted it and revoked it; made once, then copied."""
    made = TemporaryDirectory()
    folder = Path(made.name)
    profile, node = write_coordinator_profile(folder, federation="town"), make_node_profile(folder)
    post = Post(folder, coordinator=profile, run=safeborders, federation="town")
    authority = post.seat_coordinator()
    safeborders("node", "init", "-p", node)
    post.enrol("gr", node, authority=authority)
    safeborders("coordinator", "revoke", "-p", profile, "gr")
    return made


def make_coordinator(folder: Path) -> Side:
    """Return a coordinator that one country asked, that admitted it and revoked it: three rows."""
    shutil.copytree(_template().name, folder, dirs_exist_ok=True)
    profile = folder / "coordinator.yaml"
    url = load_settings(profile, CoordinatorSettings).registry_url

    def tamper(statement: str) -> None:
        engine = open_url(url)
        with engine.begin() as connection:
            for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars():
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text(statement))
        engine.dispose()

    return Side(profile, ("coordinator", "audit"), tamper)


def make_node_profile(folder: Path) -> Path:
    """Write a node's profile."""
    return write_node_profile(folder, federation="town")


def make_node(folder: Path) -> Side:
    """Return a node that exported its log twice: two rows."""
    profile = make_node_profile(folder)
    safeborders("node", "init", "-p", profile)
    for _ in range(2):
        safeborders("audit", "export", "-p", profile, "--out", folder / "early.jsonl")

    def tamper(statement: str) -> None:
        store = open_node_store(load_settings(profile, NodeSettings))
        with store.transaction() as connection:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text(statement))
        store.close()

    return Side(profile, ("audit",), tamper)


@pytest.fixture(params=[make_coordinator, make_node])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Side:
    made: Side = request.param(tmp_path)
    return made


def test_l25_4_an_export_for_the_authority_is_signed_and_checked_without_the_log(side: Side, tmp_path: Path) -> None:
    out = tmp_path / "export.jsonl"
    printed = side.run("export", "--out", out)
    key = printed.split("--key ")[1].strip()
    assert f"audit check {out.name}" in printed
    side.profile.unlink()  # nothing of the side is needed
    assert "all rows" in side.run("check", out, "--key", key)
    spoilt = tmp_path / "spoilt.jsonl"
    spoilt.write_text(out.read_text(encoding="utf-8").replace('\\"at\\":\\"2', '\\"at\\":\\"1', 1), encoding="utf-8")
    assert "altered" in side.refused(ExportRefused, "check", spoilt, "--key", key)
    side.refused(ExportRefused, "check", out, "--key", "0" * 64)


@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE audit_record SET content = replace(content, \'"at":"2\', \'"at":"1\') WHERE number = 1',
        "DELETE FROM audit_record WHERE number = 1",
        "DELETE FROM audit_leaf WHERE number = 1",
    ],
)
def test_l25_4_one_edited_or_deleted_record_is_named(side: Side, statement: str) -> None:
    found = json.loads(side.run("verify", "--json"))
    assert (found["size"] >= 2, found["first_bad"], found["witnessed"]["of"]) == (True, None, 0)
    side.tamper(statement)
    assert "ow 1" in side.refused(LogDamaged, "verify")


def test_a_log_that_was_cut_off_is_seen_by_the_checkpoint_that_another_keeps(side: Side, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    side.run("checkpoint", "--out", note)
    assert note.read_text(encoding="utf-8") == side.run("checkpoint")
    side.tamper("DELETE FROM audit_leaf WHERE number = (SELECT max(number) FROM audit_leaf)")
    side.tamper("DELETE FROM audit_record WHERE number > (SELECT max(number) FROM audit_leaf)")
    side.tamper("DELETE FROM audit_checkpoint")
    assert "rows are as they were written" in side.run("verify")
    assert "cut off" in side.refused(LogDamaged, "verify", "--checkpoint", note)


def test_a_row_is_proved_and_filters_are_checked(side: Side, tmp_path: Path) -> None:
    proof = tmp_path / "proof.jsonl"
    proof.write_text(side.run("prove", "1"), encoding="utf-8")
    assert "1 of" in side.run("check", proof)
    side.refused(NoSuchRow, "prove", "9999")
    side.refused(SettingsError, "export", "--out", tmp_path / "x", "--operation", "gossip")
    side.refused(SettingsError, "export", "--out", tmp_path / "x", "--since", "yesterday")
    side.refused(SettingsError, "check", tmp_path / "nowhere.jsonl")
    side.refused(SettingsError, "verify", "--checkpoint", tmp_path)
    assert "Nobody can co-sign" in side.run("verify")


def test_the_coordinators_log_tells_of_members(tmp_path: Path) -> None:
    side = make_coordinator(tmp_path)
    side.run("export", "--out", tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
    told = [(json.loads(row["content"])["action"], json.loads(row["content"]).get("objects")) for row in rows]
    assert told == [
        ("member.request", ["gr"]),
        ("member.admit", ["gr"]),
        ("member.revoke", ["gr"]),
        ("audit.export", None),
    ]


def test_rows_are_listed_for_people_within_eighty_columns_and_for_machines(side: Side) -> None:
    shown = side.run("list", "--last", "1")
    assert len(shown.strip().splitlines()) == 2  # a heading and the newest row
    assert max(len(line) for line in shown.splitlines()) <= 80
    rows = [json.loads(line) for line in side.run("list", "--json").splitlines()]
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert side.run("list", "--since", "2999-01-01", "--json") == ""
    side.refused(SettingsError, "list", "--operation", "gossip")


def test_an_authority_gets_its_credential_once_with_what_it_needs_to_check(tmp_path: Path) -> None:
    side = make_node(tmp_path)
    said = safeborders("audit", "auditor", "HDPA", "-p", side.profile)
    secret = next(line for line in said.splitlines() if line.startswith("sbn_"))
    store = open_node_store(load_settings(side.profile, NodeSettings))
    caller = SqlTokens(store.engine).find_caller(secret)
    store.close()
    assert caller is not None
    assert (caller.name, caller.role) == ("HDPA", Role.AUDITOR)
    key = next(line for line in said.splitlines() if "public key" in line).split()[-1]
    side.run("export", "--out", tmp_path / "all.jsonl")
    assert "all rows" in side.run("check", tmp_path / "all.jsonl", "--key", key)
    assert '"auditor.admit"' in side.run("list", "--json")
    with pytest.raises(Conflict):
        safeborders("audit", "auditor", "HDPA", "-p", side.profile)


def test_a_key_for_cosignatures_is_made_once_and_stands_on_the_card(tmp_path: Path) -> None:
    side, card = make_node(tmp_path), tmp_path / "card.json"
    safeborders("node", "agreement", "keys", "-p", side.profile, "--out", card)
    assert parse_card(card.read_bytes()).auditor is None
    safeborders("node", "agreement", "keys", "--auditor", "-p", side.profile, "--out", card)
    first = parse_card(card.read_bytes()).auditor
    assert first is not None
    safeborders("node", "agreement", "keys", "-p", side.profile, "--out", card)
    assert parse_card(card.read_bytes()).auditor == first  # a later card does not lose it
