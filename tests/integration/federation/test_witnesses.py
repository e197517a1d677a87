"""Nine countries co-sign each other's logs and the coordinator's; a fork, a drop and a set-back are seen."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from safeborders.kit.canonical import canonical_json
from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency import witness
from safeborders.kit.transparency.checkpoint import Checkpoint
from safeborders.kit.transparency.desk import describe_witnesses
from safeborders.kit.transparency.identity import member_of, origin_of
from safeborders.kit.transparency.keeping import Witnessed, find_witnessed, verify
from safeborders.kit.transparency.merkle import leaf_hash
from safeborders.kit.transparency.sql_log import GENESIS, next_chain
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.messages import WATCHING, Kind, MessageRefused, SignedMessage
from safeborders.models.protocol.refusals import Refusal
from safeborders.models.protocol.witnessing import Findings, Notes, Statements, parse_payload, to_payload
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.server.registry.sql_watch import SqlWatchMemory
from sbtest.masked_rehearsal import MaskedRehearsal
from sbtest.watching import WatchedFederation, records_of

OTHERS = 8


@pytest.fixture(name="nine")
def _nine(tmp_path: Path) -> Iterator[WatchedFederation]:
    federation = WatchedFederation(tmp_path)
    yield federation
    federation.close()


def witnessed(nine: WatchedFederation, country: Country) -> Witnessed:
    return find_witnessed(nine.logs[country], identity=nine.identity(country.value))


def newest(log: SqlAuditLog) -> int:
    with log.reading() as connection:
        return log.rows.checkpoints(connection)[-1][0]


def rewrite(log: SqlAuditLog) -> None:
    """Change the second row and make all that follows fit again, the own checkpoints gone: an administrator's fork."""
    with log.engine.begin() as connection:
        for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("DELETE FROM audit_checkpoint"))
        connection.execute(text("DELETE FROM audit_cosignature"))
        _rewrite_rows(connection)


def _rewrite_rows(connection: Connection) -> None:
    chain = GENESIS
    for number, content in connection.execute(text("SELECT number, content FROM audit_record ORDER BY number")).all():
        record = json.loads(content)
        told = canonical_json({**record, "purpose": "P5"} if number == 2 else record).decode()
        leaf = leaf_hash(told.encode()).hex()
        chain = next_chain(chain, leaf=leaf)
        values = {"number": number, "content": told, "leaf": leaf, "chain": chain}
        connection.execute(text("UPDATE audit_record SET content = :content WHERE number = :number"), values)
        connection.execute(text("UPDATE audit_leaf SET leaf = :leaf, chain = :chain WHERE number = :number"), values)


def test_every_log_is_cosigned_by_all_others_again_and_again(nine: WatchedFederation) -> None:
    for _ in range(3):
        nine.look()
        for country in nine.keys:
            found = witnessed(nine, country)
            assert (found.size, len(found.by), found.of, found.quorum) == (
                newest(nine.logs[country]),
                OTHERS,
                OTHERS,
                5,
            )
        found = find_witnessed(nine.own_log, identity=nine.identity(COORDINATOR))
        assert (len(found.by), found.of, found.is_enough) == (9, 9, True)
    assert nine.refused == []
    assert [kind for kind, _ in nine.sent] == [Kind.CHECKPOINT, Kind.WITNESS, Kind.COSIGNED] * 3
    assert {action for country in nine.keys for action in nine.actions(country)} == {
        "lookup.search",
        "audit.state",
        "audit.witness",
    }
    told = describe_witnesses(witnessed(nine, Country.GR))
    assert "8 of 8: " in told
    assert "gr" not in told.split("8 of 8: ")[1].split(" (")[0].split(", ")


def test_a_forked_log_is_refused_by_every_honest_witness_and_by_verify(nine: WatchedFederation) -> None:
    nine.look()
    kept = {origin: note for origin, note, _ in SqlWatchMemory(nine.own_log.engine).list_notes()}
    rewrite(nine.logs[Country.GR])
    assert verify(nine.logs[Country.GR], identity=nine.identity("gr")).is_whole  # alone, nobody could tell
    nine.look()

    assert witnessed(nine, Country.GR).by == ()
    others = [country for country in nine.keys if country is not Country.GR]
    assert all("audit.fork" in nine.actions(country) for country in others)
    assert all(witnessed(nine, country).is_enough for country in others)
    forks = [record for record in records_of(nine.own_log) if record["action"] == "audit.fork"]
    assert len(forks) == OTHERS
    origin = nine.identity("gr").origin
    assert {log for log, _ in SqlWatchMemory(nine.own_log.engine).list_forks()} == {origin}
    verdict = verify(nine.logs[Country.GR], identity=nine.identity("gr"), others=[kept[origin]])
    assert not verdict.is_whole


def test_control_without_the_consistency_check_the_fork_is_cosigned(
    nine: WatchedFederation, monkeypatch: pytest.MonkeyPatch
) -> None:
    nine.look()
    rewrite(nine.logs[Country.GR])
    monkeypatch.setattr(witness, "is_consistent", lambda *_, **__: True)
    nine.look()
    assert witnessed(nine, Country.GR).is_enough


def without_cosignatures(payload: bytes) -> bytes:
    """Drop every co-signature: what stays is each log's own signature."""
    notes = parse_payload(payload, kind=Notes).notes
    bare = tuple("\n".join(note.split("\n")[:5]) + "\n" for note in notes)
    return to_payload(Notes(notes=bare))


def test_a_coordinator_that_drops_cosignatures_is_seen_by_owner_and_witness(nine: WatchedFederation) -> None:
    nine.carry = lambda _, kind, payload: without_cosignatures(payload) if kind is Kind.COSIGNED else payload
    nine.look()
    for country in nine.keys:
        assert nine.actions(country).count("audit.cosignature_dropped") == OTHERS + 1
        assert nine.actions(country)[-1] == "audit.not_cosigned"
        assert "none of 8" in describe_witnesses(witnessed(nine, country))


def test_a_coordinator_that_shows_old_cosignatures_again_is_seen(nine: WatchedFederation) -> None:
    nine.look()
    old = nine.sent[-1][1]
    nine.carry = lambda _, kind, payload: old if kind is Kind.COSIGNED else payload
    nine.look()
    for country in nine.keys:
        assert nine.actions(country).count("audit.cosignature_dropped") == OTHERS + 1
        assert "audit.not_cosigned" in nine.actions(country)
        assert witnessed(nine, country).size < newest(nine.logs[country])


def test_a_quorum_that_is_missed_is_said(nine: WatchedFederation) -> None:
    def keep_four(country: Country, kind: Kind, payload: bytes) -> bytes:
        if kind is not Kind.COSIGNED:
            return payload
        notes = parse_payload(payload, kind=Notes).notes
        return to_payload(Notes(notes=tuple("\n".join(note.split("\n")[:9]) + "\n" for note in notes)))

    nine.carry = keep_four
    nine.look()
    found = witnessed(nine, Country.PL)
    assert (len(found.by), found.is_enough) == (4, False)
    assert "fewer than the 5" in describe_witnesses(found)


def test_a_country_with_an_auditors_key_cosigns_with_it_once_the_roster_names_it(nine: WatchedFederation) -> None:
    """Until then nobody would count it, so the node's key signs; afterwards nobody counts the node's key any more."""
    own = nine.auditors[Country.GR] = Ed25519PrivateKey.generate()
    nine.watchers[Country.GR] = nine.make_watcher(Country.GR)
    name = origin_of("demo", "gr")

    def found() -> Witnessed:
        nine.look()
        return find_witnessed(nine.logs[Country.IT], identity=nine.identity("it"))

    before = found()
    assert name in before.by
    keys = dataclasses.replace(nine.roster.members["gr"], auditor=public_key_hex(own))
    nine.roster = dataclasses.replace(nine.roster, version=2, members={**nine.roster.members, "gr": keys})
    after = found()
    assert (name in after.by, len(after.by), after.size > before.size) == (True, 8, True)
    assert nine.identity("it").witness_keys[name] == public_key_hex(own)

    nine.auditors.clear()  # control: a country that lost the key that the roster names is not counted
    nine.watchers[Country.GR] = nine.make_watcher(Country.GR)
    lost = found()
    assert (name in lost.by, len(lost.by)) == (False, 7)


def test_an_old_checkpoint_shown_again_is_refused(nine: WatchedFederation) -> None:
    nine.look()
    old = next(payload for kind, payload in nine.sent if kind is Kind.WITNESS)
    nine.look()
    answer = nine.watchers[Country.IT].answer(nine.order(Country.IT, kind=Kind.WITNESS, payload=old))
    findings = parse_payload(answer.payload, kind=Findings).findings
    assert {finding.refusal for finding in findings} == {Refusal.HISTORY_FORKED}
    assert all(not finding.signature for finding in findings)


def test_a_witness_that_restarts_remembers_and_one_without_memory_would_sign(nine: WatchedFederation) -> None:
    nine.look()
    rewrite(nine.logs[Country.GR])
    nine.watchers[Country.IT] = nine.make_watcher(Country.IT)
    with nine.logs[Country.PL].engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_seen"))  # the control
    nine.look()
    assert [member_of(name) for name in witnessed(nine, Country.GR).by] == ["pl"]


def test_a_coordinator_without_memory_asks_anew_within_one_look(nine: WatchedFederation) -> None:
    nine.look()
    with nine.own_log.engine.begin() as connection:
        connection.execute(text("DELETE FROM witness_memory"))
    nine.look()
    assert [kind for kind, _ in nine.sent[3:]] == [*[Kind.CHECKPOINT, Kind.WITNESS] * 2, Kind.COSIGNED]
    assert all(witnessed(nine, country).is_enough for country in nine.keys)


def test_a_note_under_another_key_or_name_is_not_cosigned(nine: WatchedFederation) -> None:
    nine.look()
    shown = parse_payload(nine.sent[1][1], kind=Statements).statements
    foreign = [one.model_copy(update={"note": one.note.replace("/gr\n", "/it\n")}) for one in shown]
    order = nine.order(Country.PL, kind=Kind.WITNESS, payload=to_payload(Statements(statements=tuple(foreign))))
    findings = parse_payload(nine.watchers[Country.PL].answer(order).payload, kind=Findings).findings
    assert "audit.checkpoint" in nine.actions(Country.PL)
    assert nine.identity("gr").origin not in {finding.origin for finding in findings}


def test_a_log_of_absurd_size_spoils_nothing_for_the_others(nine: WatchedFederation) -> None:
    nine.look()
    shown = parse_payload(nine.sent[1][1], kind=Statements).statements
    origin = nine.identity("gr").origin
    huge = Checkpoint.sign(origin, size=2**31, root=bytes(32), key=nine.keys[Country.GR])
    note = huge.to_text(log_key=nine.identity("gr").log_key, witness_keys={})
    told = tuple(one.model_copy(update={"note": note}) if one.note.startswith(origin) else one for one in shown)
    order = nine.order(Country.PL, kind=Kind.WITNESS, payload=to_payload(Statements(statements=told)))
    findings = parse_payload(nine.watchers[Country.PL].answer(order).payload, kind=Findings).findings
    assert {member_of(finding.origin) for finding in findings} == {*nine.roster.members} - {"gr", "pl"}


@pytest.mark.parametrize("kind", sorted(WATCHING))
def test_an_order_that_is_not_the_coordinators_or_malformed_is_ignored(nine: WatchedFederation, kind: Kind) -> None:
    order = nine.order(Country.IT, kind=kind, payload=b"{}")
    before = len(nine.actions(Country.IT))
    for bad in (
        order,
        order.model_copy(update={"signature": bytes(64)}),
        nine.order(Country.GR, kind=kind, payload=b"{}"),
    ):
        with pytest.raises(MessageRefused):
            nine.watchers[Country.IT].answer(bad)
    assert len(nine.actions(Country.IT)) == before


def test_a_log_that_cannot_be_written_shows_and_signs_nothing(nine: WatchedFederation) -> None:
    with nine.logs[Country.IT].engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_record RENAME TO away"))
    nine.now += timedelta(hours=1)
    nine.watch.look(nine.ask)
    assert len(witnessed(nine, Country.GR).by) == OTHERS - 1


def test_a_run_under_masks_ends_with_everybodys_cosignatures(tmp_path: Path) -> None:
    rehearsal = MaskedRehearsal(rounds=1)
    nine = WatchedFederation(
        tmp_path, federation=rehearsal.plan.federation, keys=rehearsal.keys, coordinator=rehearsal.coordinator
    )
    rehearsal.watch = nine.watch

    def react(country: Country, order: SignedMessage) -> object:
        watching = order.header.kind in WATCHING
        return nine.watchers[country].answer(order) if watching else rehearsal.honest(order)

    rehearsal.react = react
    rehearsal.build_grid()
    rehearsal.lead()
    assert all(len(witnessed(nine, country).by) == OTHERS for country in nine.keys)
    assert [event.action for event in rehearsal.registry.events] == ["round.begin", "model.release"]
    assert not nine.watch.is_due()
    nine.now += timedelta(hours=1)
    assert nine.watch.is_due()
    nine.close()
