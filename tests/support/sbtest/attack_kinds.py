"""What is said of an attack: what stops it, which test shows it, and what is taken away to see that test fail."""

from dataclasses import dataclass

AGGREGATION = "tests/privacy_audits/test_aggregation_attacks.py"
GATE = "tests/unit/node/learning/test_gate.py"
LAW = "tests/unit/privacy/agreement/test_material_transfer.py"
LOG = "tests/contract/test_audit_log.py"
LOST = "tests/integration/federation/test_lost_survivors.py"
ROUNDS = "tests/unit/server/federation/test_rounds.py"
EVIDENCE = "tests/integration/federation/test_release_evidence.py"
AUTHORITY = "tests/integration/test_audit_api.py"
WITNESSES = "tests/integration/federation/test_witnesses.py"
ROSTER = "tests/unit/models/test_roster.py"
PRIVACY = "safeborders.privacy"


@dataclass(frozen=True)
class Removal:
    """One place of the program from which a defence is taken, for the length of one test run.

    Attributes:
        module: Its name.
        old: Text that stands in it once.
        new: What stands there without the defence.
    """

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        key: Short name.
        what: What the attacker does.
        defence: What stops it.
        tests: Tests that show it; each of them must fail without the defence.
        controls: Tests in which the attack succeeds, or the honest case passes.
        removals: The defence.
    """

    key: str
    what: str
    defence: str
    tests: tuple[str, ...]
    controls: tuple[str, ...]
    removals: tuple[Removal, ...]
