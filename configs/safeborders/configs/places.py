"""Where a program keeps its files: every name below a state folder is written once, here."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def _from_profile(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder", Path.cwd())
    return path if path.is_absolute() else (folder / path).resolve()


ProfilePath = Annotated[Path, AfterValidator(_from_profile)]
"""A path in a profile; a relative one counts from the profile's folder."""


class NodePlaces:
    """Files of a node below its state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.identity = state / "identity"  # keys made here that never leave
        self.signing_key = self.identity / "signing.pem"
        self.agreement_key = self.identity / "agreement.pem"  # in production on a token, off line
        self.auditor_key = self.identity / "auditor.pem"  # for co-signatures, where a country keeps them apart
        self.next_agreement_key = self.identity / "agreement.next.pem"  # until a roster names it
        self.tls_key = self.identity / "tls.pem"
        self.next_tls_key = self.identity / "tls.next.pem"  # while its certificate has been asked for
        self.flower_key = self.identity / "flower.pem"
        self.former_keys = self.identity / "former-keys"  # public: what older checkpoints of the log are signed with
        self.flower_node_id = state / "flower-node-id"
        self.enrolment = state / "enrolment"  # what the authority answered
        self.authority = self.enrolment / "authority.pem"
        self.certificate = self.enrolment / "certificate.pem"
        self.kit = self.enrolment / "kit.json"
        self.roster = self.enrolment / "roster.json"  # as the kit brought it; believed by its fingerprint alone
        self.database = state / "node.db"
        self.waiting_lookups = state / "lookups-waiting.db"  # made while an import writes to the database
        self.evaluation = state / "evaluation"
        self.released = state / "released"  # released models and their plans, by hash: public
        self.logs = state / "logs"


class CoordinatorPlaces:
    """Files of the coordinator below its state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.identity = state / "identity"
        self.signing_key = self.identity / "signing.pem"
        self.agreement_key = self.identity / "agreement.pem"
        self.next_agreement_key = self.identity / "agreement.next.pem"
        self.tls_key = self.identity / "tls.pem"
        self.next_tls_key = self.identity / "tls.next.pem"
        self.enrolment = state / "enrolment"  # what the authority answered
        self.authority = self.enrolment / "authority.pem"
        self.certificate = self.enrolment / "certificate.pem"
        self.kit = self.enrolment / "kit.json"
        self.revocations = self.enrolment / "revocations.pem"
        self.database = state / "coordinator.db"
        self.papers = state / "papers"  # roster, agreement, declarations; the newest of each kind counts
        self.manifests = state / "manifests"  # one a run
        self.decisions = state / "decisions.jsonl"
        self.passes = state / "passes.json"  # whom the edge lets in; derived from the database
        self.superlink = state / "superlink"  # Flower's own files; they may be lost
        self.logs = state / "logs"


class AuthorityPlaces:
    """Files of the off-line authority below its state folder; all its private keys rest encrypted."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.salt = state / "salt"
        self.root_key = state / "root.key.pem"
        self.root = state / "root.pem"
        self.issuing_key = state / "issuing.key.pem"
        self.issuing = state / "issuing.pem"
        self.signing_key = state / "signing.key.pem"
        self.register = state / "register.json"
