"""The 34 modus-operandi indicators (domain.md 1.6) and the eight types (domain.md 2.1), in their public order."""

INDICATORS: tuple[str, ...] = (
    "ctl.debt_earnings",
    "ctl.threats",
    "ctl.abuse",
    "ctl.false_promises",
    "ctl.substances",
    "ctl.deny_needs",
    "ctl.work_hours",
    "ctl.withhold_docs",
    "frm.sexual",
    "frm.labour",
    "frm.begging",
    "frm.criminality",
    "frm.domestic",
    "frm.marriage",
    "frm.adoption",
    "frm.surrogacy",
    "frm.other",
    "rec.partner",
    "rec.family",
    "rec.friend",
    "rec.other",
    "chn.online",
    "chn.institution",
    "chn.street",
    "mov.cross_border",
    "mov.escorted_by_adult",
    "mov.forged_docs",
    "mov.rotation",
    "mov.unaccompanied_minor",
    "mov.multi_country",
    "scl.multi_victim_site",
    "scl.multi_perpetrator",
    "mny.mto_remittance",
    "mny.benefit_fraud",
)
"""Codes of the indicators; each is yes, no or unknown, and unknown is never read as no."""

CASE_TYPES: tuple[str, ...] = ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8")
"""Codes of the types; a case that fits none is left without a label."""
