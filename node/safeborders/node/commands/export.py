"""What the operator's export does; it prints for people and raises for the edge of the program."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.models.domain.governance import PURPOSE_CODES
from safeborders.node.access.accounts import current_login
from safeborders.node.access.callers import GRANTS, Caller, Justification, Role
from safeborders.node.access.errors import JustificationMissing, PurposeRefused
from safeborders.node.export.errors import ReasonMissing
from safeborders.node.export.pseudonyms import Pseudonyms, load_export_key
from safeborders.node.export.records import Export, ExportFormat, export_records
from safeborders.node.opening import open_node_store
from safeborders.node.storage.access import SqlLookupJournal

_console = Console(highlight=False)
_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 /_.:-]{2,63}")  # as the API takes it
_OPERATOR = "operator"


def export_for_operator(profile: Path, *, out: Path, asked: Mapping[str, object], as_json: bool) -> None:
    """Write what may leave and say how much it was."""
    settings = load_settings(profile, NodeSettings)
    form, case, identified = str(asked["form"]), str(asked["case"]), bool(asked["identified"])
    if form not in set(ExportFormat):
        raise SettingsError(f"The format must be one of {', '.join(ExportFormat)}.")
    who = justify_operator(str(asked["purpose"]), case=case, identified=identified)
    reason = asked["reason"]
    if reason is not None and not identified:
        raise ReasonMissing("A reason is for names: add --identified, or leave the reason out.")
    store = open_node_store(settings)
    try:
        key = load_export_key(settings.places.state / "export-pseudonyms.key")
        export = Export(
            ExportFormat(form), out, who, Pseudonyms(key, scope=case), None if reason is None else str(reason)
        )
        count = export_records(store, export, journal=SqlLookupJournal(store.engine), clock=system_clock)
    finally:
        store.close()
    if as_json:
        sys.stdout.write(json.dumps({"out": str(out), "rows": count, "identified": identified}) + "\n")
        return
    _console.print(f"{count} rows written to {out}, {'with names' if identified else 'pseudonymised'}.")
    _console.print(
        "Only rows for this purpose, neither restricted nor overdue, of handling H0 or H1. It is in the journal."
    )
    _console.print("It is for use at home: no agreement lets records leave the country (M8).")


def justify_operator(purpose: str, *, case: str, identified: bool) -> Justification:
    """Return who takes records out and why: the operator, in the role that the purpose is for.

    Raises:
        JustificationMissing: Without a known purpose or a reference of a case.
        PurposeRefused: If names are asked for and no role may see names for the purpose.
    """
    asked = PURPOSE_CODES.get(purpose)
    if asked is None:
        raise JustificationMissing("State what the export is for: --purpose P1 to P5.")
    if not _CASE.fullmatch(case):
        raise JustificationMissing("State the reference of the case: 3 to 64 letters, digits and / _ . : -")
    wanted = Role.LEAD_INVESTIGATOR if identified else Role.INVESTIGATOR
    role = wanted if asked in GRANTS[wanted].purposes else Role.ANALYST
    if identified and role is not Role.LEAD_INVESTIGATOR:
        raise PurposeRefused("Names are not needed for this purpose: leave --identified out.")
    caller = Caller(token=_OPERATOR, name=f"{_OPERATOR} {current_login()}"[:128], role=role)
    return Justification(caller=caller, purpose=asked, case_reference=case)
