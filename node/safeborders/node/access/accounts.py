"""Who runs a command, as the audit log calls that person: the account on this machine, never a name that was typed."""

import getpass
import re

_NOT_OF_A_WORD = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST = 100


def operator_account() -> str:
    """Return ``operator:`` and the account that runs this command."""
    return f"operator:{_NOT_OF_A_WORD.sub('_', getpass.getuser())[:_LONGEST]}"
