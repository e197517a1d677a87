"""Entities, links and what is known beside them; each with its governance envelope or its provenance.

The vocabularies are written out: what this revision made must not change when the program's words do.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001_canonical"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(36)
_TIME = sa.DateTime(timezone=True)
_KINDS = (
    "case", "episode", "person", "organisation", "phone", "device", "online_account", "financial_account", "vehicle",
    "identity_document", "place",
)  # fmt: skip
_ENDS = {
    "PARTY_TO": ("person", "case"),
    "HAS_EPISODE": ("case", "episode"),
    "INVOLVED_IN": ("person", "episode"),
    "AT": ("episode", "place"),
    "USED_VEHICLE": ("episode", "vehicle"),
    "USES": ("person", "phone"),
    "CONTROLS": ("person", "online_account"),
    "HOLDS": ("person", "financial_account"),
    "DRIVES": ("person", "vehicle"),
    "BEARS": ("person", "identity_document"),
    "STAYS_AT": ("person", "place"),
    "KIN": ("person", "person"),
    "ASSOCIATE": ("person", "person"),
    "CALLED": ("phone", "phone"),
    "CONTACTED": ("online_account", "online_account"),
    "PAID": ("financial_account", "financial_account"),
    "WORKS_FOR": ("person", "organisation"),
    "LOCATED_AT": ("organisation", "place"),
    "USED_WITH": ("phone", "device"),
    "POSSIBLY_SAME": None,
}
_PRECISIONS = ("day", "month", "year")


def upgrade() -> None:
    _create_source_report()
    _create_entity()
    _create_kinds()
    _create_selectors()
    _create_link()
    _create_knowledge()


def downgrade() -> None:
    for table in ("label", "person_status", "mo_indicator", "link", *reversed(_KINDS[1:]), "court_case", "entity"):
        op.drop_table(table)
    op.drop_table("source_report")


def _word(name: str, *values: str, nullable: bool = False) -> sa.Column:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)
    return sa.Column(name, kind, nullable=nullable)


def _provenance() -> tuple[sa.Column | sa.CheckConstraint, ...]:
    return (
        sa.Column("report_id", _ID, sa.ForeignKey("source_report.id"), nullable=False),
        _word("source_grade", "A", "B", "C", "X"),
        sa.Column("info_grade", sa.SmallInteger, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("info_grade BETWEEN 1 AND 4", name="info_grade"),
    )


def _envelope() -> tuple[sa.Column | sa.CheckConstraint, ...]:
    return (
        *_provenance(),
        sa.Column("node", sa.String(5), nullable=False),
        _word("regime", "LED", "GDPR"),
        sa.Column("purposes", sa.SmallInteger, nullable=False),
        sa.Column("legal_basis", sa.String(64), nullable=False),
        _word("statement_kind", "fact", "assessment"),
        _word("handling", "H0", "H1", "H2", "H3"),
        _word("sensitivity", "normal", "sensitive_art10", "victim", "minor_victim"),
        sa.Column("valid_from", sa.Date),
        sa.Column("valid_to", sa.Date),
        sa.Column("review_due", sa.Date, nullable=False),
        sa.Column("retain_until", sa.Date, nullable=False),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("train_ok", sa.Boolean, nullable=False),
        sa.Column("share_ok", sa.Boolean, nullable=False),
        sa.Column("rev", sa.Integer, nullable=False),
        sa.CheckConstraint("purposes BETWEEN 1 AND 31", name="purposes"),
    )


def _part_of_entity() -> sa.Column:
    return sa.Column("id", _ID, sa.ForeignKey("entity.id", ondelete="CASCADE"), primary_key=True)


def _case(name: str, *, primary_key: bool = False) -> sa.Column:
    case = sa.ForeignKey("court_case.id", ondelete="CASCADE")
    return sa.Column(name, _ID, case, primary_key=primary_key, nullable=not primary_key)


def _create_source_report() -> None:
    op.create_table(
        "source_report",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("issuer", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("denied", sa.Integer, nullable=False),
        sa.UniqueConstraint("sha256", name="uq_source_report_sha256"),
    )


def _create_entity() -> None:
    op.create_table(
        "entity",
        sa.Column("id", _ID, primary_key=True),
        _word("kind", *_KINDS),
        sa.Column("import_key", sa.String(64), nullable=False),
        sa.Column("match_key", sa.String(200)),
        *_envelope(),
        sa.UniqueConstraint("id", "kind", name="uq_entity_id_kind"),
        sa.UniqueConstraint("import_key", name="uq_entity_import_key"),
    )
    op.create_index("ix_entity_kind_match_key", "entity", ["kind", "match_key"])
    op.create_index("ix_entity_report_id", "entity", ["report_id"])


def _create_kinds() -> None:
    op.create_table(
        "court_case",
        _part_of_entity(),
        sa.Column("ref", sa.String(64), nullable=False),
        _word("case_kind", "investigation", "referral", "judicial"),
        _word("status", "active", "follow_up", "closed", "closed_referred"),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("closed_on", sa.Date),
        sa.Column("offence_code", sa.String(16)),
        _word("type_label", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", nullable=True),
    )
    op.create_index("ix_court_case_opened_on", "court_case", ["opened_on"])
    stages = ("recruitment", "transport", "transit", "harbouring", "exploitation", "control", "exit")
    op.create_table(
        "episode",
        _part_of_entity(),
        _word("stage", *stages),
        sa.Column("started_on", sa.Date),
        sa.Column("ended_on", sa.Date),
        _word("date_precision", *_PRECISIONS, nullable=True),
        sa.Column("form", sa.String(24)),
    )
    op.create_table(
        "person",
        _part_of_entity(),
        sa.Column("pseudonym", sa.String(24), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("other_names", sa.String(400)),
        _word("sex", "female", "male", "other", nullable=True),
        sa.Column("birth_date", sa.Date),
        _word("birth_precision", *_PRECISIONS, nullable=True),
        sa.Column("citizenships", sa.String(32)),
        sa.UniqueConstraint("pseudonym", name="uq_person_pseudonym"),
    )
    op.create_table(
        "organisation",
        _part_of_entity(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("organisation_kind", sa.String(24)),
        sa.Column("sector", sa.String(8)),
    )


def _create_selectors() -> None:
    op.create_table("phone", _part_of_entity(), sa.Column("number", sa.String(40), nullable=False))
    op.create_table("device", _part_of_entity(), sa.Column("equipment_hash", sa.String(64), nullable=False))
    op.create_table(
        "online_account",
        _part_of_entity(),
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("handle", sa.String(120), nullable=False),
    )
    op.create_table(
        "financial_account",
        _part_of_entity(),
        _word("account_kind", "iban", "wallet", "transfer_service"),
        sa.Column("reference", sa.String(64), nullable=False),
    )
    op.create_table(
        "vehicle",
        _part_of_entity(),
        sa.Column("plate", sa.String(24), nullable=False),
        sa.Column("plate_country", sa.String(2)),
        sa.Column("vin", sa.String(17)),
        sa.Column("make", sa.String(40)),
    )
    op.create_table(
        "identity_document",
        _part_of_entity(),
        _word("document_kind", "passport", "identity_card", "residence_permit", "birth_certificate"),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("issuer", sa.String(2)),
        sa.Column("forged", sa.Boolean),
    )
    op.create_table(
        "place",
        _part_of_entity(),
        _word("place_kind", "private", "hotel", "border_point", "reception_centre", "street", "business", "online"),
        sa.Column("address", sa.String(200)),
        sa.Column("nuts3", sa.String(5)),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
    )


def _create_link() -> None:
    rules = [
        f"kind = '{kind}' AND source_kind = '{ends[0]}' AND target_kind = '{ends[1]}'"
        if ends
        else f"kind = '{kind}' AND source_kind = target_kind"
        for kind, ends in _ENDS.items()
    ]
    op.create_table(
        "link",
        sa.Column("id", _ID, primary_key=True),
        _word("kind", *_ENDS),
        sa.Column("source", _ID, nullable=False),
        _word("source_kind", *_KINDS),
        sa.Column("target", _ID, nullable=False),
        _word("target_kind", *_KINDS),
        sa.Column("role", sa.String(24)),
        sa.Column("count", sa.Integer),
        sa.Column("sum_band", sa.SmallInteger),
        sa.Column("score", sa.Double),
        *_envelope(),
        *(
            sa.ForeignKeyConstraint(
                [end, f"{end}_kind"], ["entity.id", "entity.kind"], name=f"fk_link_{end}_entity", ondelete="CASCADE"
            )
            for end in ("source", "target")
        ),
        sa.CheckConstraint(" OR ".join(rules), name="ends"),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name="score"),
    )
    op.create_index("ix_link_source_kind", "link", ["source", "kind"])
    op.create_index("ix_link_target_kind", "link", ["target", "kind"])
    op.create_index("ix_link_kind", "link", ["kind"])
    op.create_index("ix_link_report_id", "link", ["report_id"])


def _create_knowledge() -> None:
    op.create_table(
        "mo_indicator",
        _case("case_id", primary_key=True),
        sa.Column("code", sa.String(24), primary_key=True),
        sa.Column("value", sa.Boolean),
        *_provenance(),
    )
    op.create_index("ix_mo_indicator_report_id", "mo_indicator", ["report_id"])
    categories = (
        "suspect", "convicted", "victim_presumed", "victim_confirmed", "witness", "informant_source",
        "contact_associate", "professional", "unknown",
    )  # fmt: skip
    op.create_table(
        "person_status",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
        _case("case_id"),
        _word("category", *categories),
        _word("decided_by", "police", "court_or_prosecution", "ngo", "other_government", "other"),
        sa.Column("valid_from", sa.Date),
        sa.Column("valid_to", sa.Date),
        *_provenance(),
    )
    op.create_index("ix_person_status_person_category", "person_status", ["person_id", "category"])
    op.create_index("ix_person_status_case_id", "person_status", ["case_id"])
    op.create_index("ix_person_status_report_id", "person_status", ["report_id"])
    op.create_table(
        "label",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("entity_id", _ID, sa.ForeignKey("entity.id", ondelete="CASCADE"), nullable=False),
        _case("case_id"),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", sa.String(64), nullable=False),
        sa.Column("labelled_on", sa.Date),
        *_provenance(),
        sa.CheckConstraint("name IN ('network', 'role')", name="name"),
    )
    op.create_index("ix_label_entity_name", "label", ["entity_id", "name"])
    op.create_index("ix_label_case_id", "label", ["case_id"])
    op.create_index("ix_label_report_id", "label", ["report_id"])
