"""Files that are old or new, never torn: written beside, synced, renamed."""

import os
import secrets
from pathlib import Path

from safeborders.kit.errors import SettingsError


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace the file at ``path`` by ``content`` so that a crash leaves the old or the new file, whole.

    The new bytes are synced before the rename and the folder after it (the order that Pillai et al., OSDI 2014,
    found necessary on every common file system).

    Args:
        path: The file; its folder must exist.
        content: All bytes of the new file.
        mode: Permission bits of the new file.

    Raises:
        OSError: If the disk refuses; ``path`` then still holds its old content.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask took away
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_bytes(path: Path) -> bytes:
    """Return the content of a file that a person named. Raises SettingsError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: give the path of an existing file.") from error


def load_secret(path: Path, *, what: str) -> str:
    """Return the one-line secret in the file at ``path``.

    Args:
        path: The file; only its owner may read it.
        what: The secret's name, for the sentence when it cannot be used.

    Raises:
        SettingsError: If the file is missing, unreadable, empty, of several lines, or open to others.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The {what} cannot be read from {path}: put it there, or correct the profile.") from error
    if mode & 0o077:
        raise SettingsError(f"The {what} in {path} is open to other users: run chmod 600 on it.")
    if len(text.splitlines()) > 1:
        raise SettingsError(f"The {what} in {path} must stand on one line: write nothing else there.")
    if not text:
        raise SettingsError(f"The {what} in {path} is empty: write it there on one line.")
    return text
