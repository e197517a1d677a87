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
        self.tls_key = self.identity / "tls.pem"
        self.flower_key = self.identity / "flower.pem"
        self.enrolment = state / "enrolment"  # what the coordinator answered
        self.authority = self.enrolment / "authority.pem"
        self.certificate = self.enrolment / "certificate.pem"
        self.admission = self.enrolment / "admission.json"
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
        self.authority_key = self.identity / "authority-key.pem"
        self.tls_key = self.identity / "tls.pem"
        self.authority = state / "authority.pem"
        self.certificate = state / "certificate.pem"
        self.database = state / "coordinator.db"
        self.papers = state / "papers"  # roster, agreement, declarations; the newest of each kind counts
        self.manifests = state / "manifests"  # one a run
        self.decisions = state / "decisions.jsonl"
        self.superlink = state / "superlink"  # Flower's own files; they may be lost
        self.logs = state / "logs"
