"""Attacks on agreement, budget, evidence and audit log."""

from sbtest.attack_kinds import (
    AUTHORITY,
    EVIDENCE,
    GATE,
    LAW,
    LOG,
    PRIVACY,
    WITNESSES,
    Attack,
    Removal,
)

SUSPECTS = "tests/contract/test_case_suspects.py"
ROLE_DESK = "tests/contract/test_role_desk.py"
ROLE_AUDIT = "tests/privacy_audits/test_role_delete_one.py"

ON_PAPERS = (
    Attack(
        "eight-of-nine",
        "An agreement lacks one party's signature.",
        "All parties must have signed; the missing one is named.",
        (f"{LAW}::test_M_02_one_party_missing_is_no_agreement",),
        (f"{LAW}::test_M_14_the_order_of_keys_breaks_no_signature",),
        (Removal(f"{PRIVACY}.agreement.signing", "if state.missing:", "if len(state.missing) > 1:"),),
    ),
    Attack(
        "duplicate-signer",
        "One party signs twice, or under another's name.",
        "Signers are counted by the roster's keys, never signatures.",
        (f"{LAW}::test_a_signer_who_signs_for_two_does_not_count_twice",),
        (f"{LAW}::test_M_02_one_party_missing_is_no_agreement",),
        (
            Removal(
                f"{PRIVACY}.agreement.signing",
                "if state.missing:",
                "if content.count(b'\"keyid\"') < len(state.agreement.party_names):",
            ),
        ),
    ),
    Attack(
        "expired-agreement",
        "An agreement is used after its last day.",
        "Its term is looked at before each transfer.",
        (f"{LAW}::test_M_01_an_agreement_unsigned_expired_altered_or_ended_lets_nothing_out",),
        (f"{LAW}::test_M_11_a_clock_that_is_set_back_revives_nothing",),
        (
            Removal(
                f"{PRIVACY}.agreement.standing",
                "return Reason.EXPIRED if today > agreement.term.last else None",
                "return None",
            ),
        ),
    ),
    Attack(
        "altered-agreement",
        "A number is changed after the parties signed.",
        "Signatures cover the one canonical form.",
        (f"{LAW}::test_M_01_an_agreement_unsigned_expired_altered_or_ended_lets_nothing_out",),
        (f"{LAW}::test_M_14_the_order_of_keys_breaks_no_signature",),
        (
            Removal(
                "safeborders.kit.envelopes",
                "are no point of the curve\n        return False",
                "are no point of the curve\n        return True",
            ),
        ),
    ),
    Attack(
        "rolled-back-agreement",
        "An older version is adopted again, or one is skipped.",
        "A version names the hash of the one that it succeeds; papers are never taken out.",
        (f"{LAW}::test_an_older_version_never_comes_back",),
        (f"{LAW}::test_M_09_an_amended_agreement_resets_consent",),
        (Removal(f"{PRIVACY}.agreement.signing", "if not succeeds:", "if False:"),),
    ),
    Attack(
        "epsilon-in-mid-training",
        "A run goes on when the agreed epsilon is used up.",
        "The ledger charges before training, by the lower of two caps; the engine looks again before sending.",
        (f"{GATE}::test_epsilon_beyond_the_agreements_bound_stops_a_run_in_its_middle",),
        (f"{GATE}::test_an_honest_order_is_worked_on_and_every_answer_is_recorded",),
        (
            Removal(
                f"{PRIVACY}.agreement.breaches",
                "(_is_within(facts.epsilon_total, dp.epsilon_max_total), Reason.EPSILON_EXCEEDED),",
                "(True, Reason.EPSILON_EXCEEDED),",
            ),
        ),
    ),
    Attack(
        "small-cohort",
        "A run among fewer countries than agreed.",
        "The floor of the run is a condition of the grant.",
        (
            f"{LAW}::test_M_05_a_cohort_below_the_floor_sends_nothing",
            f"{GATE}::test_a_cohort_below_the_agreed_floor_is_refused",
        ),
        (f"{GATE}::test_an_honest_order_is_worked_on_and_every_answer_is_recorded",),
        (
            Removal(
                f"{PRIVACY}.agreement.breaches",
                "return None if facts.cohort is not None and facts.cohort >= secagg.min_cohort "
                "else Reason.COHORT_TOO_SMALL",
                "return None",
            ),
        ),
    ),
    Attack(
        "forked-log",
        "A country rewrites its audit log so that everything fits again.",
        "Other countries remember size and root, and co-sign only what continues them.",
        (
            f"{WITNESSES}::test_a_forked_log_is_refused_by_every_honest_witness_and_by_verify",
            f"{LOG}::test_a_witness_does_not_cosign_a_forked_log",
        ),
        (f"{WITNESSES}::test_control_without_the_consistency_check_the_fork_is_cosigned",),
        (Removal("safeborders.kit.transparency.witness", "if not is_consistent(", "if False and not is_consistent("),),
    ),
    Attack(
        "edited-row",
        "One row of the audit log is edited.",
        "A leaf holds the hash of its record; verify names the row.",
        (f"{LOG}::test_one_changed_row_is_named",),
        (f"{LOG}::test_control_without_a_checkpoint_a_consistent_rewrite_is_not_seen",),
        (
            Removal(
                "safeborders.kit.transparency.verification",
                "elif leaf_hash(entry.content.encode()).hex() != entry.leaf:",
                "elif False:",
            ),
        ),
    ),
    Attack(
        "deleted-row",
        "One row of the audit log is deleted.",
        "Rows are counted without a gap, and a chain goes over all of them; verify names the first that is gone.",
        (f"{LOG}::test_one_changed_row_is_named",),
        (f"{LOG}::test_control_without_a_checkpoint_a_consistent_rewrite_is_not_seen",),
        (
            Removal("safeborders.kit.transparency.verification", "if entry.number != expected:", "if False:"),
            Removal("safeborders.kit.transparency.verification", "if entry.chain != chain:", "if False:"),
        ),
    ),
    Attack(
        "truncated-log",
        "The newest rows of the audit log are cut off, checkpoints and all.",
        "A checkpoint that somebody else keeps says how long the log was.",
        (f"{LOG}::test_a_truncated_log_is_seen_by_a_checkpoint_that_another_keeps",),
        (f"{LOG}::test_a_growing_log_is_cosigned_again",),
        (Removal("safeborders.kit.transparency.verification", "if checkpoint.size > len(tree):", "if False:"),),
    ),
    Attack(
        "model-without-evidence",
        "A coordinator hands out a model for use whose anonymity nobody showed.",
        "Where the agreement asks for evidence, each country looks for it in the order itself (E2 and E5).",
        (
            f"{EVIDENCE}::test_a_coordinator_that_asks_for_no_evidence_is_stopped_by_every_country",
            f"{EVIDENCE}::test_without_evidence_the_run_rests_and_the_refusal_is_recorded",
        ),
        (f"{EVIDENCE}::test_control_an_agreement_that_asks_for_none_hands_the_model_out",),
        (
            Removal(
                f"{PRIVACY}.agreement.breaches",
                "return (facts.evidence_flaw or Reason.EVIDENCE_MISSING) if is_needed and not facts.has_evidence "
                "else None",
                "return None",
            ),
        ),
    ),
    Attack(
        "evidence-left-out",
        "The coordinator leaves out a file that speaks against the model.",
        "What a country found itself lies in its own cabinet and counts for it.",
        (f"{EVIDENCE}::test_a_country_whose_own_audit_failed_uses_the_model_for_nobodys_word",),
        (f"{EVIDENCE}::test_with_the_evidence_of_all_contributors_every_country_gets_and_uses_it",),
        (
            Removal(
                "safeborders.node.learning.gate",
                "[*brought, *self._cabinet.list_evidence(manifest.plan.run)],",
                "brought,",
            ),
        ),
    ),
    Attack(
        "curious-colleague",
        "An investigator or approver reads the audit log of others.",
        "The log is for the role auditor alone (LED article 25(2)).",
        (f"{AUTHORITY}::test_nobody_else_reads_the_log_of_others",),
        (f"{AUTHORITY}::test_an_auditor_sees_who_looked_at_whom_when_and_for_which_case",),
        (Removal("safeborders.node.routes.recorded_acts", "if caller.role is not Role.AUDITOR:", "if False:"),),
    ),
    Attack(
        "curious-auditor",
        "A supervisory authority's token is used to open records.",
        "The role has no purpose, and a look-up needs one.",
        (f"{AUTHORITY}::test_an_auditor_opens_no_record_and_decides_nothing",),
        (f"{AUTHORITY}::test_no_answer_to_an_auditor_holds_content",),
        (Removal("safeborders.node.access.justify", "if asked not in caller.grant.purposes:", "if False:"),),
    ),
    Attack(
        "role-of-a-child",
        "A child that was taken for an offender is suggested a part in a crime.",
        "Only who was an adult beyond doubt on the day on which the case was opened is ever looked at.",
        (f"{SUSPECTS}::test_only_an_adult_beyond_doubt_is_one",),
        (f"{SUSPECTS}::test_a_suspect_of_a_case_is_one_in_that_case_alone",),
        (
            Removal(
                "safeborders.node.storage.case_suspects",
                "accused & _adults(connection, known, pairs=accused)",
                "accused",
            ),
        ),
    ),
    Attack(
        "role-of-a-victim",
        "A victim who is recorded as a suspect of another case is suggested a part in it.",
        "Who is a victim in any case, under any record, is a suspect in none.",
        (f"{SUSPECTS}::test_a_victim_in_any_case_is_nowhere_a_suspect",),
        (f"{SUSPECTS}::test_a_suspect_of_a_case_is_one_in_that_case_alone",),
        (
            Removal("safeborders.node.storage.case_suspects", " if pair[0] in shared}", "}"),
            Removal(
                "safeborders.node.storage.learning_store",
                "CaseRole.VICTIM.value if kind in _CASE_KINDS and source in victims else role or",
                "role or",
            ),
        ),
    ),
    Attack(
        "role-from-outside",
        "An investigator asks for the hypotheses of a case that is not the one that justifies the look-up.",
        "The case of the look-up must be the case that is asked for; any other does not exist.",
        (f"{ROLE_DESK}::test_only_investigators_of_the_very_case_see_and_decide",),
        (f"{ROLE_DESK}::test_a_hypothesis_comes_with_reasons_and_a_stated_part_as_the_fact",),
        (Removal("safeborders.node.storage.role_desk", " or shown.label != who.case_reference", ""),),
    ),
    Attack(
        "role-from-a-neighbour",
        "What others are on record with enters a suspect's training example, so that one person moves several.",
        "Training looks at a suspect's own links alone.",
        (f"{ROLE_AUDIT}::test_no_person_moves_the_sum_by_more_than_one_example",),
        (f"{ROLE_AUDIT}::test_control_an_input_that_counts_other_people_is_caught",),
        (
            Removal(
                "safeborders.node.learning.examples",
                "inputs=role_inputs(records)[stated]",
                "inputs=(role_inputs(records) - role_inputs(records).mean(axis=0))[stated]",
            ),
        ),
    ),
)
