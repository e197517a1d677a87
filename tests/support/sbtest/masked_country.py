"""One country's real round service in a run under masks, and five others that answer as they should."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.aggregation import (
    Advert,
    Adverts,
    Confirmation,
    Confirmations,
    Signed,
    Survivors,
    build_context,
    parse_part,
    parse_upload,
    part_to_bytes,
)
from safeborders.models.protocol.manifest import Aggregation, read_manifest
from safeborders.models.protocol.messages import Header, Kind, SignedMessage
from safeborders.models.protocol.payloads import Order, build_order
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.learning.masked_rounds import KnownKeys, MaskedRounds
from sbtest.agreements import PaperFederation, terms_for, unmasked_grants
from sbtest.forgetting import ForgettingSessions
from sbtest.plans import ARCHITECTURE, CATALOGUE, make_plan
from sbtest.rounds import AGREEMENT, COORDINATOR, COUNTRY, LIMITS, NOW, Node, make_message

NAMES = ("gr", "it", "ro", "bg", "pl", "pt")
SIX = PaperFederation(
    countries=NAMES, federation="demo", now=NOW, node_keys={"gr": COUNTRY, "coordinator": COORDINATOR}
)
TERMS = terms_for(
    NAMES,
    federation="demo",
    grants=[grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}],
    term=AGREEMENT.model_dump(mode="json")["term"],
)
PLAN = make_plan(participants=tuple(map(Country, NAMES)), floor=6, run="masked")
MODEL = model_to_bytes(ARCHITECTURE.initial_parameters(7))
MANIFEST = SIX.make_manifest(
    PLAN,
    agreement_sha256=TERMS.sha256(),
    initial_model_sha256=sha256_hex(MODEL),
    aggregation=Aggregation.SECURE,
)
SIGNED = read_manifest(MANIFEST)


def masked_node(**parts: Any) -> Node:
    """Return Greece, which has approved this run beforehand."""
    given = {"limits": LIMITS.model_copy(update={"agreement_sha256": TERMS.sha256()}), **parts}
    return Node(cabinet=SIX.make_cabinet(TERMS), **given)


def order(kind: Kind, content: bytes = b"", *, sequence: int = 1) -> SignedMessage:
    """Return an order of the masked run's first round."""
    payload = build_order(Order(PLAN, MODEL, SIX.make_papers(MANIFEST), content))
    return make_message(PLAN, kind=kind, model=MODEL, payload=payload, sequence=sequence)


@dataclass
class Others:
    """Five countries that answer as they should."""

    node: Node
    peers: dict[str, MaskedRounds] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys: KnownKeys = self.node.gate().known_keys()
        for name in NAMES[1:]:
            self.peers[name] = MaskedRounds(
                Country(name),
                key=SIX.node_keys[name],
                sessions=ForgettingSessions(),
                roster=lambda: self.keys,
                catalogue=CATALOGUE,
            )

    def header(self, name: str, kind: Kind) -> Header:
        """Return the header of what ``name`` was asked."""
        return order(kind).header.model_copy(update={"country": Country(name)})

    def adverts(self, own: bytes) -> bytes:
        """Return everybody's keys, with Greece's."""
        parts = [
            own,
            *(
                peer.answer(self.header(name, Kind.KEYS), manifest=SIGNED, content=b"")
                for name, peer in self.peers.items()
            ),
        ]
        return part_to_bytes(Adverts(adverts=tuple(parse_part(part, kind=Signed[Advert]) for part in parts)))

    def survivors(self, own: bytes, *, adverts: bytes) -> bytes:
        """Return the set of all six after everybody sent a vector, Greece ``own``."""
        uploads = {"gr": own}
        for name, peer in self.peers.items():
            update = np.zeros(ARCHITECTURE.update_length, dtype=np.int64)
            uploads[name] = peer.mask(update, header=self.header(name, Kind.TRAIN), manifest=SIGNED, content=adverts)
        bodies = {name: parse_upload(payload)[0].body for name, payload in uploads.items()}
        context = build_context(
            SIGNED,
            header=self.header("it", Kind.TRAIN),
            roster_sha256=self.keys.sha256,
            length=ARCHITECTURE.update_length,
        )
        survivors = Survivors(
            context_sha256=context.sha256(),
            transcript_sha256=bodies["gr"].transcript_sha256,
            vectors={name: body.vector_sha256 for name, body in bodies.items()},
        )
        return part_to_bytes(survivors)

    def confirmations(self, own: bytes, *, survivors: bytes) -> bytes:
        """Return everybody's confirmation, with Greece's."""
        parts = [
            own,
            *(
                peer.answer(self.header(name, Kind.SURVIVORS), manifest=SIGNED, content=survivors)
                for name, peer in self.peers.items()
            ),
        ]
        given = tuple(parse_part(part, kind=Signed[Confirmation]) for part in parts)
        return part_to_bytes(Confirmations(confirmations=given))

    def _answers(self, kind: Kind, content: bytes = b"") -> list[bytes]:
        return [
            peer.answer(self.header(name, kind), manifest=SIGNED, content=content) for name, peer in self.peers.items()
        ]
