"""Who runs a command, as the audit log calls that person: the account on this machine, never a name that was typed."""

import os
import pwd
import re
from pathlib import Path

_NOT_OF_A_WORD = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST = 100
_LOGIN_UID = Path("/proc/self/loginuid")
_NO_LOGIN_UID = 2**32 - 1


def operator_account() -> str:
    """Return ``operator:`` and the account that runs this command."""
    return f"operator:{_NOT_OF_A_WORD.sub('_', current_login())[:_LONGEST]}"


def current_login() -> str:
    """Return the login that the kernel remembers across sudo and su, else that of this process's user.

    Variables such as LOGNAME do not count: whoever runs the command can set them to another's name.
    """
    try:
        uid = int(_LOGIN_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        uid = _NO_LOGIN_UID
    if uid == _NO_LOGIN_UID:
        uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
