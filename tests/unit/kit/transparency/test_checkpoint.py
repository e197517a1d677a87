"""Checkpoints are signed notes that other programs can read, and no altered one is believed."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import is_signed_by, public_key_hex
from safeborders.kit.transparency.checkpoint import (
    Checkpoint,
    CheckpointRefused,
    cosign,
    parse_checkpoint,
    verifier_key,
)
from safeborders.kit.transparency.checkpoint import _key_id as key_id
from safeborders.kit.transparency.desk import _cells as cells_of
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.kit.transparency.keeping import parse_notes

LOG, WITNESS, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
ROOT = bytes(range(32))


def note() -> str:
    checkpoint = Checkpoint.sign("safeborders/gr", size=12, root=ROOT, key=LOG)
    seen = checkpoint.with_cosignature("safeborders/it", cosign(checkpoint, at=1_700_000_000, key=WITNESS))
    return seen.to_text(log_key=public_key_hex(LOG), witness_keys={"safeborders/it": public_key_hex(WITNESS)})


def parse(text: str) -> Checkpoint:
    return parse_checkpoint(text, log_key=public_key_hex(LOG), witness_keys={"safeborders/it": public_key_hex(WITNESS)})


def test_a_note_of_another_program_verifies_by_the_same_rules() -> None:
    """The example of golang.org/x/mod/sumdb/note: its key, its text, its signature."""
    name, identifier, encoded = ["PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    public = base64.b64decode(encoded)[1:].hex()
    signature = base64.b64decode(line)
    assert key_id(name, 1, public).hex() == identifier == signature[:4].hex()
    assert is_signed_by(public, signature=signature[4:], content=text.encode())


def test_a_checkpoint_survives_its_text() -> None:
    checkpoint = parse(note())
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == ("safeborders/gr", 12, ROOT)
    assert checkpoint.count_witnesses({"safeborders/it": public_key_hex(WITNESS)}) == 1
    assert note().splitlines()[:4] == ["safeborders/gr", "12", base64.b64encode(ROOT).decode(), ""]
    assert verifier_key("safeborders/gr", LOG).startswith("safeborders/gr+")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n12\n", "\n13\n"),
        lambda text: text.replace("safeborders/gr", "safeborders/fr"),
        lambda text: text.replace(base64.b64encode(ROOT).decode(), base64.b64encode(ROOT[::-1]).decode()),
        lambda text: text.replace("\n12\n", "\n012\n"),
        lambda text: text.replace("—", "-"),
        lambda text: text.split("—")[0],
        lambda text: "",
        lambda text: text.replace("\n\n", "\nextension\n\n"),
        lambda text: text + "— a b\n" * 80,
        lambda text: text + "— x " + base64.b64encode(b"1234").decode() + "\n" * 1 + "— y MTIzNA==\n" * 80,
        lambda text: text.replace(base64.b64encode(ROOT).decode(), "AAAA"),
    ],
)
def test_an_altered_checkpoint_is_refused(spoil: Callable[[str], str]) -> None:
    with pytest.raises(CheckpointRefused):
        parse(spoil(note()))


def test_a_cosignature_of_another_key_time_or_checkpoint_does_not_count() -> None:
    checkpoint = Checkpoint.sign("safeborders/gr", size=12, root=ROOT, key=LOG)
    witnesses = {"safeborders/it": public_key_hex(WITNESS)}
    true = cosign(checkpoint, at=5, key=WITNESS)
    larger = Checkpoint.sign("safeborders/gr", size=13, root=ROOT, key=LOG)
    for false in (
        cosign(checkpoint, at=5, key=OTHER),
        cosign(larger, at=5, key=WITNESS),
        type(true)(at=6, signature=true.signature),
    ):
        assert checkpoint.with_cosignature("safeborders/it", false).count_witnesses(witnesses) == 0
    assert checkpoint.with_cosignature("safeborders/it", true).count_witnesses(witnesses) == 1
    assert checkpoint.count_witnesses(witnesses) == 0


def test_a_name_holds_neither_space_nor_plus() -> None:
    for name in ("a b", "a+b", ""):
        with pytest.raises(ValueError, match="origin"):
            Checkpoint.sign(name, size=0, root=ROOT, key=LOG)


def test_a_checkpoint_of_a_former_key_counts_for_the_own_log_and_a_foreign_one_does_not() -> None:
    former, today, foreign = (Ed25519PrivateKey.generate() for _ in range(3))
    identity = LogIdentity("safeborders.test/gr", public_key_hex(today), {}, former_keys=(public_key_hex(former),))

    def note_of(key: Ed25519PrivateKey) -> str:
        made = Checkpoint.sign(identity.origin, size=1, root=b"r" * 32, key=key)
        return made.to_text(log_key=public_key_hex(key), witness_keys={})

    assert [one.size for one in parse_notes([note_of(former), note_of(today)], identity=identity)] == [1, 1]
    with pytest.raises(CheckpointRefused):
        parse_notes([note_of(foreign)], identity=identity)


def test_a_row_whose_content_was_erased_says_so_in_a_list() -> None:
    assert cells_of({}) == ("", "erased, its time was over", "", "", "")
