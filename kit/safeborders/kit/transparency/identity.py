"""Which log is meant: its name, its key, and the keys of those who may co-sign it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LogIdentity:
    """Which log it is.

    Attributes:
        origin: Its name in checkpoints.
        log_key: Its public key, hexadecimal.
        witness_keys: Public key of each witness whose co-signatures count, by the name of its log.
        former_keys: Public keys that the owner had before; its own older checkpoints are signed with them. What it
            says to others from now on, and what others say of it, counts under ``log_key`` alone.
    """

    origin: str
    log_key: str
    witness_keys: Mapping[str, str]
    former_keys: tuple[str, ...] = ()


def origin_of(federation: str, member: str) -> str:
    """Return the name of a member's log."""
    return f"safeborders/{'-'.join(federation.replace('+', ' ').split())}/{member}"


def member_of(origin: str) -> str:
    """Return the member whose log has this name, for people to read."""
    return origin.rpartition("/")[2]
