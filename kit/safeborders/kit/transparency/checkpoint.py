"""Checkpoints of a log as signed notes, and the co-signatures of those who watched it.

The forms are C2SP's signed-note, tlog-checkpoint and tlog-cosignature (https://c2sp.org), so that other programs can
read them.

A checkpoint names a log, its size and its root. The log's own Ed25519 signature says "this is my history"; a witness's
co-signature says "it continues the history that I saw before".
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import is_signed_by, public_key_hex

_LOG_KEY = 0x01
_WITNESS_KEY = 0x04
_ROOT_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_MOST_SIGNATURES = 64
_NAME = re.compile(r"[^\s+]{1,255}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


class CheckpointRefused(SafeBordersError):
    """A checkpoint is malformed, or not signed by the log that it names."""

    code: ClassVar[str] = "audit.checkpoint_refused"


@dataclass(frozen=True)
class Cosignature:
    """A witness's signature.

    Attributes:
        at: When the witness saw the checkpoint, in whole seconds of Unix time.
        signature: 64 bytes.
    """

    at: int
    signature: bytes


@dataclass(frozen=True)
class Checkpoint:
    """What a log says its history is.

    Attributes:
        origin: Name of the log, without spaces and plus signs.
        size: Number of leaves.
        root: 32 bytes.
        signature: The log's own, 64 bytes.
        cosignatures: By the witness's name; none of them is checked yet (see ``count_witnesses``).
    """

    origin: str
    size: int
    root: bytes
    signature: bytes
    cosignatures: Mapping[str, Cosignature] = field(default_factory=dict)

    @classmethod
    def sign(cls, origin: str, *, size: int, root: bytes, key: Ed25519PrivateKey) -> Self:
        """Return the checkpoint of a log, signed by it."""
        if not _NAME.fullmatch(origin):
            raise ValueError("origin must be a name without spaces and plus signs.")
        return cls(origin=origin, size=size, root=root, signature=key.sign(_body(origin, size, root)))

    @property
    def body(self) -> bytes:
        """The three lines that are signed."""
        return _body(self.origin, self.size, self.root)

    def is_signed_by_log(self, public_key: str) -> bool:
        """Tell whether the log's key (hexadecimal) signed this checkpoint."""
        return is_signed_by(public_key, signature=self.signature, content=self.body)

    def with_cosignature(self, witness: str, cosignature: Cosignature) -> "Checkpoint":
        """Return this checkpoint with one more co-signature; an older one of the same witness gives way."""
        cosignatures = dict(sorted({**self.cosignatures, witness: cosignature}.items()))
        return Checkpoint(self.origin, self.size, self.root, self.signature, cosignatures)

    def is_cosigned_by(self, witness: str, public_key: str) -> bool:
        """Tell whether ``witness``, whose key is ``public_key`` (hexadecimal), co-signed this checkpoint."""
        given = self.cosignatures.get(witness)
        content = cosigned_content(self, at=given.at) if given else b""
        return given is not None and is_signed_by(public_key, signature=given.signature, content=content)

    def count_witnesses(self, witnesses: Mapping[str, str]) -> int:
        """Return how many of ``witnesses`` (public key by name) co-signed this checkpoint."""
        return sum(self.is_cosigned_by(name, key) for name, key in witnesses.items())

    def to_text(self, *, log_key: str, witness_keys: Mapping[str, str]) -> str:
        """Return the signed note that travels.

        Args:
            log_key: The log's public key, hexadecimal; part of it stands in the note.
            witness_keys: Public key of each witness whose co-signature shall stand in the note.
        """
        lines = [_signature_line(self.origin, _LOG_KEY, public_key=log_key, signature=self.signature)]
        lines += [
            _signature_line(
                name,
                _WITNESS_KEY,
                public_key=witness_keys[name],
                signature=given.at.to_bytes(_TIME_BYTES) + given.signature,
            )
            for name, given in self.cosignatures.items()
            if name in witness_keys
        ]
        return self.body.decode() + "\n" + "".join(lines)


def cosign(checkpoint: Checkpoint, *, at: int, key: Ed25519PrivateKey) -> Cosignature:
    """Return a witness's co-signature; the caller has checked that the log continues what the witness saw."""
    return Cosignature(at=at, signature=key.sign(cosigned_content(checkpoint, at=at)))


def cosigned_content(checkpoint: Checkpoint, *, at: int) -> bytes:
    """Return the bytes that a witness signs (tlog-cosignature, cosignature/v1)."""
    return f"cosignature/v1\ntime {at}\n".encode() + checkpoint.body


def parse_checkpoint(text: str, *, log_key: str, witness_keys: Mapping[str, str]) -> Checkpoint:
    """Return the checkpoint in a signed note, if its log signed it.

    Args:
        text: The note.
        log_key: The log's public key, hexadecimal.
        witness_keys: Public keys of the witnesses that count, by name; signatures of others are passed over.

    Raises:
        CheckpointRefused: If the form or the log's signature does not hold.
    """
    try:
        body, _, signatures = text.partition("\n\n")
        origin, size, root = body.split("\n")
        read = [_read_line(line) for line in signatures.splitlines()]
        digest = base64.b64decode(root, validate=True)
    except (ValueError, binascii.Error) as error:
        raise CheckpointRefused("The checkpoint has an unknown form: ask for it again.") from error
    if not (_NAME.fullmatch(origin) and _SIZE.fullmatch(size) and len(digest) == _ROOT_BYTES):
        raise CheckpointRefused("The checkpoint has an unknown form: ask for it again.")
    if len(read) > _MOST_SIGNATURES:
        raise CheckpointRefused("The checkpoint has more signatures than countries exist: ask for it again.")
    own = _find(read, origin, key_id=_key_id(origin, _LOG_KEY, log_key), length=_SIGNATURE_BYTES)
    checkpoint = Checkpoint(origin=origin, size=int(size), root=digest, signature=own or b"")
    if own is None or not checkpoint.is_signed_by_log(log_key):
        raise CheckpointRefused("The checkpoint is not signed by the log that it names: do not believe it.")
    for name, key in witness_keys.items():
        given = _find(read, name, key_id=_key_id(name, _WITNESS_KEY, key), length=_TIME_BYTES + _SIGNATURE_BYTES)
        if given is not None:
            stamp = Cosignature(at=int.from_bytes(given[:_TIME_BYTES]), signature=given[_TIME_BYTES:])
            checkpoint = checkpoint.with_cosignature(name, stamp)
    return checkpoint


def verifier_key(name: str, key: Ed25519PrivateKey) -> str:
    """Return the public key of a log in the form of signed notes, to be published: name+id+base64."""
    public = public_key_hex(key)
    content = base64.b64encode(bytes([_LOG_KEY]) + bytes.fromhex(public)).decode()
    return f"{name}+{_key_id(name, _LOG_KEY, public).hex()}+{content}"


_Line = tuple[str, bytes, bytes]


def _body(origin: str, size: int, root: bytes) -> bytes:
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def _key_id(name: str, kind: int, public_key: str) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + bytes.fromhex(public_key)).digest()[:4]


def _signature_line(name: str, kind: int, *, public_key: str, signature: bytes) -> str:
    return f"— {name} {base64.b64encode(_key_id(name, kind, public_key) + signature).decode()}\n"


def _read_line(line: str) -> _Line:
    dash, name, content = line.split(" ")
    if dash != "—":
        raise ValueError("a signature line must begin with a dash.")
    decoded = base64.b64decode(content, validate=True)
    return name, decoded[:4], decoded[4:]


def _find(lines: list[_Line], name: str, *, key_id: bytes, length: int) -> bytes | None:
    found = (content for who, key, content in lines if (who, key) == (name, key_id) and len(content) == length)
    return next(found, None)
