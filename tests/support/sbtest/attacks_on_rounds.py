"""Attacks by a coordinator, or by whoever is between, on the rounds of a run."""

from sbtest.attack_kinds import (
    AGGREGATION,
    GATE,
    LOST,
    PRIVACY,
    ROSTER,
    ROUNDS,
    Attack,
    Removal,
)

ON_ROUNDS = (
    Attack(
        "key-substitution",
        "The coordinator passes on keys of its own and stands between two countries.",
        "Each ephemeral key is signed by its country's roster key; the node believes its own copy of the roster alone.",
        (f"{AGGREGATION}::TestKeySubstitution::test_a_substituted_key_is_refused",),
        (f"{AGGREGATION}::TestKeySubstitution::test_control_without_the_signatures_the_update_is_recovered",),
        (
            Removal(
                f"{PRIVACY}.aggregation.seeds",
                "if country not in roster or not advert.is_signed_by(roster[country]):",
                "if country not in roster:",
            ),
        ),
    ),
    Attack(
        "active-and-dropped",
        "A country is listed as alive to some and as dropped to others, so that both kinds of its seeds come out.",
        "A country confirms one set of survivors, ever, and reveals only what all its members signed.",
        (f"{AGGREGATION}::TestActiveAndDropped::test_only_one_set_of_survivors_is_ever_confirmed",),
        (f"{AGGREGATION}::TestActiveAndDropped::test_control_flowers_own_protocol_gives_the_update_away",),
        (Removal(f"{PRIVACY}.aggregation.party", 'if session.survivors_sha256 not in {"", digest}:', "if False:"),),
    ),
    Attack(
        "unsigned-survivors",
        "The coordinator opens a set of survivors that not all of them have signed.",
        "Seeds are revealed for the signatures of exactly the survivors.",
        (f"{AGGREGATION}::TestActiveAndDropped::test_nothing_is_revealed_for_a_set_that_not_all_its_members_signed",),
        (f"{AGGREGATION}::TestContradictions::test_control_one_model_gives_a_common_round",),
        (Removal(f"{PRIVACY}.aggregation.party", "if set(confirmations) != survivors:", "if False:"),),
    ),
    Attack(
        "two-models",
        "The coordinator sends two countries different models.",
        "Each update's signed header names its model; the next order must show enough of them, all for one.",
        (
            f"{GATE}::test_two_different_models_to_two_countries_are_noticed_in_the_next_round",
            f"{GATE}::test_a_country_that_was_away_still_sees_that_the_others_had_one_model",
        ),
        (f"{GATE}::test_an_honest_order_is_worked_on_and_every_answer_is_recorded",),
        (Removal("safeborders.models.protocol.echoes", "if len(found) > 1:", "if False:"),),
    ),
    Attack(
        "two-models-under-masks",
        "The same in a masked round.",
        "Model, roster and manifest are part of the round's context; keys of another context are no keys of the round.",
        (f"{AGGREGATION}::TestContradictions::test_two_models_give_two_contexts_and_no_common_round",),
        (f"{AGGREGATION}::TestContradictions::test_control_one_model_gives_a_common_round",),
        (Removal(f"{PRIVACY}.aggregation.seeds", "if advert.body.context_sha256 != context.sha256():", "if False:"),),
    ),
    Attack(
        "two-survivor-sets",
        "A survivor is lost, and the coordinator names the others a second time for the same round.",
        "Every country refuses a second set; the round is given up, and the next has keys and noise of its own.",
        (f"{LOST}::test_a_second_set_of_survivors_is_refused_by_every_country",),
        (
            f"{LOST}::test_control_a_country_that_forgot_what_it_signed_opens_a_second_sum",
            f"{LOST}::test_a_survivor_lost_for_good_costs_one_round_and_the_run_ends",
        ),
        (Removal(f"{PRIVACY}.aggregation.party", 'if session.survivors_sha256 not in {"", digest}:', "if False:"),),
    ),
    Attack(
        "two-circles",
        "One update is masked for two circles of countries; the difference of the sums is one country's update.",
        "A round's update is masked once, also after a restart.",
        (f"{AGGREGATION}::TestContradictions::test_an_update_is_masked_for_one_circle_of_countries_only",),
        (f"{AGGREGATION}::TestContradictions::test_control_two_circles_would_single_a_country_out",),
        (
            Removal(
                f"{PRIVACY}.aggregation.party",
                "if masked is not None and masked.context != context:",
                "if False:",
            ),
        ),
    ),
    Attack(
        "late-upload",
        "An upload comes after the survivors were named.",
        "It is not added: the sum is over those who were named.",
        (f"{AGGREGATION}::TestContradictions::test_a_late_vector_is_not_counted",),
        (f"{AGGREGATION}::TestContradictions::test_control_the_same_vector_in_time_is_counted",),
        (
            Removal(
                f"{PRIVACY}.aggregation.aggregator",
                "if not self._transcript or self._survivors is not None:",
                "if not self._transcript:",
            ),
        ),
    ),
    Attack(
        "late-reply",
        "A reply in the clear comes in the round after.",
        "It is known as late and changes no sum.",
        (f"{ROUNDS}::test_a_late_reply_is_refused_and_changes_nothing",),
        (f"{ROUNDS}::test_every_round_is_saved_with_the_replies_of_all_countries",),
        (
            Removal(
                "safeborders.server.federation.gathering",
                "self._to.overdue.update(self._asked)",
                "self._asked.clear()",
            ),
        ),
    ),
    Attack(
        "round-of-one",
        "A round is held with one country, or with fewer than hide each other.",
        "A country joins no round below the floor, which is never below six.",
        (f"{AGGREGATION}::TestFewParties::test_a_roster_below_the_floor_is_not_joined",),
        (f"{AGGREGATION}::TestFewParties::test_control_at_the_floor_it_is_joined",),
        (Removal(f"{PRIVACY}.aggregation.party", "if len(named) < context.floor:", "if False:"),),
    ),
    Attack(
        "roster-of-one",
        "A roster of one country, or one that a single country may change.",
        "A roster has three countries at least, and seven ninths of them sign each version.",
        (f"{ROSTER}::test_a_roster_of_one_is_none",),
        (f"{ROSTER}::test_the_first_roster_is_believed_by_its_fingerprint_and_seven_signatures",),
        (Removal("safeborders.models.protocol.roster", "(len(countries) >= SMALLEST_FEDERATION,", "(True,"),),
    ),
    Attack(
        "replay",
        "A signed answer is sent again, in the next round or within Flower's window of 305 seconds.",
        "Our signature binds round, message and body; a sequence counts once, also after a restart.",
        (f"{ROUNDS}::test_an_old_reply_sent_again_in_the_next_round_is_refused",),
        (
            "tests/e2e/federation/test_messages.py"
            "::test_captured_flower_headers_open_nothing_with_another_countrys_certificate",
        ),
        (
            Removal("safeborders.server.federation.replies", "if reply.header != expected:", "if False:"),
            Removal(
                "safeborders.server.federation.gathering",
                "self._to.registry.record_sequence(question.country, sequence=reply.header.sequence)",
                "pass",
            ),
        ),
    ),
    Attack(
        "replayed-sequence",
        "The same answer is sent twice to one question.",
        "The registry remembers the newest sequence of each country.",
        (f"{ROUNDS}::test_a_sequence_that_the_registry_has_seen_is_a_replay",),
        (f"{ROUNDS}::test_a_second_answer_to_a_second_asking_is_counted_once",),
        (
            Removal(
                "safeborders.server.federation.gathering",
                "self._to.registry.record_sequence(question.country, sequence=reply.header.sequence)",
                "pass",
            ),
        ),
    ),
    Attack(
        "foreign-bundle",
        "The coordinator names a bundle with code that this version does not know.",
        "Nodes run no bundle at all, and answer no run whose manifest names another than the one without code.",
        (f"{GATE}::test_an_order_without_the_right_manifest_changes_nothing[a foreign bundle]",),
        ("tests/e2e/federation/test_messages.py::test_a_bundle_with_foreign_code_is_run_by_no_process",),
        (
            Removal(
                "safeborders.models.protocol.manifest",
                "if manifest.bundle_sha256 not in set(bundles):",
                "if False:",
            ),
        ),
    ),
)
