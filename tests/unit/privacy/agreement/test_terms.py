"""From YAML to terms: every mistake is one sentence with its place, and nothing can be read in two ways."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safeborders.kit.envelopes import EnvelopeRefused
from safeborders.models.domain.materials import COORDINATOR, Material, Prohibition, Untransferable
from safeborders.privacy.agreement.comparing import Change, compare
from safeborders.privacy.agreement.conditions import REQUIRED, Conditions, PrivacyCondition, period_length
from safeborders.privacy.agreement.errors import SignaturesMissing, TermsUnreadable
from safeborders.privacy.agreement.explaining import explain, in_words, sentences
from safeborders.privacy.agreement.signing import PAYLOAD_TYPE, draft, sign
from safeborders.privacy.agreement.source import parse_canonical, parse_source
from safeborders.privacy.agreement.termination import (
    Ground,
    Termination,
    declare,
    end_of,
    parse_termination,
    read_termination,
)
from safeborders.privacy.agreement.terms import Grant
from sbtest.agreements import EXAMPLE, NINE, TODAY, PaperFederation, example_source, terms_for

TEXT = EXAMPLE.read_text(encoding="utf-8")
TERMS = parse_source(TEXT)
FEDERATION = PaperFederation()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("mta_version: 1", "mta_version: 2", "'mta_version' cannot stand"),
        ("breach_notice_hours: 24", "breach_hours: 24", r"'breach_\w*hours' is (unknown|missing)"),
        ("law: annex B\n", "", "'law' is missing"),
        ("law: annex B", "law: annex B\nlaws: annex B", "'laws' is unknown"),
        ('epsilon_max_total: "8"', "epsilon_max_total: 8", r"grants\.0\.conditions\.dp\.epsilon_max_total.*in quotes"),
        ('epsilon_max_total: "8"', "epsilon_max_total: 8.0", "near line .*no quotes"),
        ('epsilon_max_total: "8"', 'epsilon_max_total: "-8"', "in quotes"),
        ('epsilon_max_total: "8"', 'epsilon_max_total: "0"', "greater than 0"),
        ('epsilon_max_total: "8"', 'epsilon_max_total: "NaN"', "in quotes"),
        ("retention: PT24H", "retention: 24h", "a period such as"),
        ("id: gr", "id: xx", r"parties\.2\.id.*a country's code"),
        ("id: gr", "id: it", "a party is named twice"),
        ("to: coordinator", "to: nobody", r"grants\.0\.to.*a country's code"),
        ("to: coordinator", "to: [gr, '*']", r"grants\.0\.to.*a country's code"),
        ("to: coordinator", "to: wb-rs", "no party"),
        ("clause: models", "clause: updates", "a clause is named twice"),
        ("purposes: [P1, P2]", "purposes: [P6]", "purposes"),
        ("  P5: statistics\n", "", "does not define"),
        ("material: M2", "material: M8", r"grants\.0\.material"),
        ("min_count: 10", "min_count: null", "needs the condition min_count"),
        ("handling_max: H0, retention", "retention", "needs the condition handling_max"),
        ("prohibited: [M8, ", "prohibited: [", "prohibited must name each"),
        ("allowed: false", "allowed: true", r"onward_transfer\.allowed"),
        ("from: 2026-12-01, to: 2028-11-30", "from: 2028-12-01, to: 2028-11-30", "ends before it begins"),
        ("from: 2026-12-01", "from: 2026-13-01", "near line|value that"),
        ("version: 1\nparent: null", "version: 2\nparent: null", "version 1 has no parent"),
        ("  wb-al: {instrument: null", "  gr: {instrument: null", "outside the Union"),
        ("liability: annex A", "liability: !!python/object:os.system annex A", "tags are not allowed"),
        ("liability: annex A", "liability: &a annex A", "anchors"),
        ("liability: annex A", "liability: *a", "anchors"),
        ("liability: annex A", "liability: annex A\nliability: annex Z", "a key is given twice"),
        ("liability: annex A", "liability: 2026-01-01 10:00:00", "neither text, number nor day"),
        ("liability: annex A", "? [a, b]\n: c", "a value that cannot exist"),
        ("liability: annex A", "liability: " + "[" * 3000, "value|near line"),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place(old: str, new: str, sentence: str) -> None:
    wrong = TEXT.replace(old, new, 1)
    assert wrong != TEXT
    with pytest.raises(TermsUnreadable, match=sentence) as refusal:
        parse_source(wrong)
    assert "\n" not in refusal.value.message


def test_a_large_file_and_a_list_are_no_agreement() -> None:
    with pytest.raises(TermsUnreadable, match="larger than 256 KiB"):
        parse_source(TEXT + "#" * 2**18)
    with pytest.raises(TermsUnreadable, match="the agreement"):
        parse_source("- a\n- b\n")


def test_without_the_coordinator_there_is_no_agreement() -> None:
    document = example_source()
    document["parties"].pop()
    document["grants"] = document["grants"][3:]
    with pytest.raises(TermsUnreadable, match="coordinator must be a party"):
        parse_source(json.dumps(document, default=str))


def test_only_the_canonical_form_is_signed() -> None:
    assert parse_canonical(TERMS.canonical()) == TERMS
    for wrong in (TERMS.canonical() + b" ", TEXT.encode(), b"{}", TERMS.canonical().replace(b'"8"', b'"8e0"')):
        with pytest.raises(TermsUnreadable):
            parse_canonical(wrong)


def test_nobody_signs_what_cannot_be_read() -> None:
    unreadable = draft(TERMS).replace(b"mta+json", b"other+json")
    with pytest.raises(EnvelopeRefused):
        sign(unreadable, key=FEDERATION.keys["gr"])
    once = sign(draft(TERMS), key=FEDERATION.keys["gr"])
    assert sign(once, key=FEDERATION.keys["gr"]) == once
    assert PAYLOAD_TYPE == "application/vnd.safeborders.mta+json"


@given(st.sampled_from([*Material, *Untransferable, "M0", "M9", "m8", "raw"]))
def test_no_grant_of_raw_records_can_be_made(code: str) -> None:
    """The only classes that make a grant are those of ``Material``, and M8 is none of them."""
    conditions: dict[str, Any] = {
        "dp": {"epsilon_max_total": "1", "delta_max": "0.1"},
        "secagg": {"min_cohort": 6},
        "anonymity_evidence": "required",
        "retention": "P1D",
        "min_count": 10,
        "subject_categories": ["suspect"],
        "exclude": ["minor"],
        "handling_max": "H0",
        "ttl": "P1D",
        "queries_per_day": 1,
    }
    grant = {
        "clause": "c", "material": code, "from": "gr", "to": "it", "purposes": ["P1"], "conditions": conditions
    }  # fmt: skip
    try:
        made = Grant.model_validate_json(json.dumps(grant))
    except ValidationError:
        assert code not in set(Material)
    else:
        assert made.material is Material(code)
        assert made.material.value != Untransferable.RAW_RECORDS
        assert REQUIRED[made.material]
        assert made.material.words


@pytest.mark.parametrize(
    ("period", "length", "words"),
    [
        ("P2Y", timedelta(days=730), "2 years"),
        ("P1D", timedelta(days=1), "1 day"),
        ("PT24H", timedelta(hours=24), "24 hours"),
    ],
)
def test_periods(period: str, length: timedelta, words: str) -> None:
    assert period_length(period) == length
    assert in_words(period) == words
    with pytest.raises(ValueError, match="period must be"):
        period_length(period + "X")


def test_an_amount_is_taken_as_it_is_written() -> None:
    condition = PrivacyCondition(epsilon_max_total="8", delta_max="1e-6")  # type: ignore[arg-type]  # from a document
    assert condition == PrivacyCondition.model_validate(condition.model_dump())
    assert condition.model_dump(mode="json")["delta_max"] == "0.000001"


def test_a_change_is_shown_where_it_is_and_nowhere_else() -> None:
    document = example_source()
    document["grants"].insert(0, {**document["grants"][0], "clause": "more", "purposes": ["P1"]})
    document["grants"][1]["conditions"]["dp"]["epsilon_max_total"] = "9"
    document["parties"] = [one for one in document["parties"] if one["id"] != "fi"]
    for grant in document["grants"]:
        for end in ("from", "to"):
            if isinstance(grant[end], list):
                grant[end] = [name for name in grant[end] if name != "fi"]
    changes = compare(TERMS, parse_source(json.dumps(document, default=str)))
    assert Change("grants.updates.conditions.dp.epsilon_max_total", "8", "9") in changes
    assert Change("grants.more.material", "", "M2") in changes
    assert Change("parties.fi.dpo", "dpo@fi.example", "") in changes
    assert not [one for one in changes if one.place.startswith(("parties.gr", "grants.models", "term"))]
    assert compare(TERMS, TERMS) == ()


def test_an_explanation_names_every_way_condition_and_closed_door() -> None:
    told = explain(TERMS, party="gr")
    assert [(one.material, one.others) for one in told.sends] == [
        ("M2", ("coordinator",)),
        ("M3", ("coordinator",)),
        ("M4", ("ro", "bg", "it", "pl", "pt", "be", "fi")),
        ("M5", ("ro", "bg", "it", "pl", "pt", "be", "fi")),
    ]
    assert [one.material for one in told.receives] == ["M1", "M4", "M5"]
    assert "cost at most epsilon 8 at delta 0.00001" in told.sends[0].conditions[0]
    assert any("M8" in sentence for sentence in told.never)
    assert explain(TERMS, party=COORDINATOR).sends[0].others == ("every other country",)
    json.dumps(told.as_document())
    with pytest.raises(TermsUnreadable, match="no party"):
        explain(TERMS, party="wb-rs")


def test_an_explanation_says_what_the_strict_profile_closes() -> None:
    grants = example_source()["grants"]
    grants[3]["from"] = grants[3]["to"] = "*"
    terms = terms_for(NINE, grants=grants)
    filters = next(one for one in explain(terms, party="gr").sends if one.material == "M4")
    assert filters.closed == ("wb-al",)
    assert "wb-al" not in filters.others
    own = explain(terms, party="wb-al")
    assert next(one for one in own.sends if one.material == "M4").others == ()
    assert "only under masks" in own.sends[0].conditions[-1]
    assert "evidence of anonymity" in own.receives[0].conditions[-1]


def test_conditions_that_are_absent_are_not_spoken_of() -> None:
    assert sentences(Conditions()) == ()
    masks = Conditions.model_validate_json('{"secagg": {"required": false, "min_cohort": 3}}')
    assert sentences(masks) == ("Masks are not required; at least 3 countries take part.",)
    loose = '{"dp": {"epsilon_max_total": "1", "delta_max": "0.1", "clip_required": false}}'
    assert len(sentences(Conditions.model_validate_json(loose))) == 1
    model = Conditions.model_validate_json('{"anonymity_evidence": "personal_data"}')
    assert sentences(model) == ("The model is treated as personal data.",)


def terminated(ground: Ground, *, by: str = "gr", key: str = "gr", of: str | None = None) -> bytes:
    termination = Termination(agreement_sha256=of or TERMS.sha256(), by=by, ground=ground, notified_on=TODAY.date())
    return declare(termination, key=FEDERATION.keys[key])


def test_only_a_party_ends_the_agreement_and_only_for_itself() -> None:
    keys = {name: member.agreement for name, member in FEDERATION.members().items()}
    assert parse_termination(terminated(Ground.NOTICE), keys=keys).by == "gr"
    for wrong in (terminated(Ground.NOTICE, key="it"), terminated(Ground.NOTICE, by="wb-rs")):
        with pytest.raises(SignaturesMissing):
            parse_termination(wrong, keys=keys)
    with pytest.raises(TermsUnreadable):
        read_termination(FEDERATION.sign(TERMS).replace(b"mta+json", b"mta-termination+json"))


def test_an_end_comes_at_once_or_with_notice() -> None:
    read: Callable[[bytes], Termination] = read_termination
    notice, breach = (read(terminated(ground)) for ground in (Ground.NOTICE, Ground.BREACH))
    other = read(terminated(Ground.BREACH, of="0" * 64))
    assert end_of(TERMS, terminations=[]) is None
    assert end_of(TERMS, terminations=[other]) is None
    assert end_of(TERMS, terminations=[notice]) == TODAY.date() + timedelta(days=30)
    assert end_of(TERMS, terminations=[notice, breach]) == TODAY.date()
    slow = terms_for(NINE, termination={"by": "any_party", "notice_days": 7, "immediate_on": []})
    assert breach.ends_on(slow) == TODAY.date() + timedelta(days=7)  # a ground that the text does not list


def test_all_prohibitions_have_words() -> None:
    assert {one.value for one in Prohibition} >= {"M8", "onward_transfer"}
