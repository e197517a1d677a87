"""The attacks that the product withstands.

``docs/attacks.md`` is printed from this list (``python -m sbtest.attacks``), so that it cannot say anything else.
"""

import sys

from sbtest.attacks_on_papers import ON_PAPERS
from sbtest.attacks_on_rounds import ON_ROUNDS

ATTACKS = (*ON_ROUNDS, *ON_PAPERS)

_HEAD = """\
# Attacks and what stops them

One row an attack: what the attacker does, what stops it, the test that shows it, and the control in which the attack
succeeds or the honest case passes. `tests/privacy_audits/test_defences.py` (slow) takes each defence out of the
program and runs its tests again: they must fail. The list stands in `tests/support/sbtest`; this page is printed from
it with `PYTHONPATH=tests/support python -m sbtest.attacks > docs/attacks.md`, and a test compares the two.

| attack | defence | test | control |
|---|---|---|---|
"""


def to_markdown() -> str:
    """Return the page."""
    rows = [
        f"| **{attack.key}** {attack.what} | {attack.defence} | {_ids(attack.tests)} | {_ids(attack.controls)} |\n"
        for attack in ATTACKS
    ]
    return _HEAD + "".join(rows)


def _ids(names: tuple[str, ...]) -> str:
    return "<br>".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(to_markdown())
