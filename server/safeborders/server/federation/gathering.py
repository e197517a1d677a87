"""Asking every participant one question and gathering what comes back until all have answered or time is up."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import Conflict, SafeBordersError
from safeborders.kit.logs import get_log
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import REPLY_TO, Header, SignedMessage, sign_message
from safeborders.models.protocol.refusals import Refusal
from safeborders.server.federation.exchange import Answer, Exchange
from safeborders.server.federation.replies import Question, parse_reply
from safeborders.server.registry.records import Registry, Reply, ReplyState

_FIRST_LOOK_SECONDS = 0.08
_LONGEST_LOOK_SECONDS = 0.2
_PRESENCE_SECONDS = 2.0
_FIRST_OWN_CODE = 100  # Flower keeps the codes below to itself
_REFUSALS = {refusal.value: refusal for refusal in Refusal}
_log = get_log("round")


class Sequences:
    """Numbers that only rise, also over restarts: microseconds of the clock, and never the same twice.

    A clock that is set back makes countries refuse our messages until it has caught up: the safe side.
    """

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Return a number above all before."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return self._last


@dataclass(frozen=True)
class Pace:
    """How patient a run is.

    Args:
        ask_again_seconds: After this time without a final answer a country is asked again.
        patience: How often a round's deadline may pass with too few countries before the run rests.
    """

    ask_again_seconds: float = 15.0
    patience: int = 3


@dataclass(frozen=True)
class Correspondence:
    """Everything that asking needs and that stays the same for a whole run.

    Args:
        exchange: To the countries.
        registry: Remembers sequences, so that no reply counts twice.
        roster: Ed25519 key of every country, hexadecimal.
        key: The coordinator's own.
        pace: How patient to be.
        overdue: Questions of the round before, so that a late reply is known for one.
    """

    exchange: Exchange
    registry: Registry
    roster: dict[Country, str]
    key: Ed25519PrivateKey
    pace: Pace
    overdue: dict[str, Question] = field(default_factory=dict)
    sequences: Sequences = field(default_factory=Sequences)


class Gathering:
    """One question to many countries.

    Args:
        to: Whom to ask and how.
        header: Of the question; country, sequence and payload hash are filled in.
        payload: The same for all.
        accept: Called with each valid reply; may refuse it by raising.
    """

    def __init__(
        self,
        to: Correspondence,
        *,
        header: Header,
        payload: bytes,
        accept: Callable[[SignedMessage], None],
    ) -> None:
        self._to = to
        self._header = header
        self._payload = payload
        self._payload_sha256 = sha256_hex(payload)
        self._accept = accept
        self._asked: dict[str, Question] = {}
        self._due: dict[Country, float] = {}
        self._asked_at: dict[Country, datetime] = {}
        self._looked_at = 0.0
        self.replies: dict[Country, Reply] = {}

    def gather(self, countries: Iterable[Country], *, seconds: float) -> None:
        """Ask ``countries`` and fill ``replies`` until all are final or ``seconds`` have passed."""
        waiting = [country for country in countries if not self._is_final(country)]
        self._due = dict.fromkeys(waiting, 0.0)
        self._looked_at = time.monotonic()
        deadline = self._looked_at + seconds
        look = _FIRST_LOOK_SECONDS
        while self._due and time.monotonic() < deadline:
            self._ask()
            self._collect()
            if self._due:
                self._watch_presence()
                time.sleep(min(look, max(deadline - time.monotonic(), 0.0)))
                look = min(1.2 * look, _LONGEST_LOOK_SECONDS)

    def close(self, countries: Iterable[Country]) -> tuple[Reply, ...]:
        """Mark who is missing, remember the open questions for late replies, and return all replies in order."""
        for country in countries:
            if country not in self.replies:
                self._note(country, ReplyState.MISSING, code="federation.deadline_passed")
        self._to.overdue.clear()
        self._to.overdue.update(self._asked)
        return tuple(self.replies[country] for country in sorted(self.replies))

    def _is_final(self, country: Country) -> bool:
        return country in self.replies and self.replies[country].state is ReplyState.ACCEPTED

    def _ask(self) -> None:
        now = time.monotonic()
        due = [country for country, at in self._due.items() if at <= now]
        if not due:
            return
        messages = [self._question(country) for country in due]
        references = self._to.exchange.send(messages)
        for message, reference in zip(messages, references, strict=True):
            self._due[message.header.country] = now + self._to.pace.ask_again_seconds
            self._asked_at[message.header.country] = datetime.now(UTC)
            if reference:
                kind = REPLY_TO[message.header.kind]
                self._asked[reference] = Question(header=message.header, reply_kind=kind, sent_at=now)

    def _question(self, country: Country) -> SignedMessage:
        header = self._header.model_copy(
            update={
                "country": country,
                "sequence": self._to.sequences.next(),
                "payload_sha256": self._payload_sha256,
            }
        )
        return sign_message(header, payload=self._payload, key=self._to.key)

    def _collect(self) -> None:
        answers = self._to.exchange.collect([*self._asked, *self._to.overdue])
        for answer in answers:
            if (late := self._to.overdue.pop(answer.reference, None)) is not None:
                self._refuse_late(late)
            elif (question := self._asked.pop(answer.reference, None)) is not None:
                self._take(question, answer)

    def _refuse_late(self, question: Question) -> None:
        self._to.registry.record_contact(question.country, now=datetime.now(UTC))
        _log.warning(
            "late_reply_refused",
            code="federation.late",
            country=question.country.value,
            round=question.header.round,
            sequence=question.header.sequence,
        )

    def _take(self, question: Question, answer: Answer) -> None:
        if question.country not in self._due:
            return  # answered already; a second answer to a second asking changes nothing
        if answer.error is not None:
            self._take_error(question, answer.error)
            return
        seconds = time.monotonic() - question.sent_at
        size = len(answer.payload)
        try:
            reply = parse_reply(question, answer, roster=self._to.roster)
            self._to.registry.record_sequence(question.country, sequence=reply.header.sequence)
            self._accept(reply)
        except Conflict:
            self._settle(question.country, ReplyState.REJECTED, code="federation.replayed", seconds=seconds, size=size)
        except SafeBordersError as error:
            self._settle(question.country, ReplyState.REJECTED, code=error.code, seconds=seconds, size=size)
        else:
            self._settle(question.country, ReplyState.ACCEPTED, code="", seconds=seconds, size=size)

    def _take_error(self, question: Question, error: int) -> None:
        refusal = _REFUSALS.get(error)
        if error < _FIRST_OWN_CODE:
            self._note(question.country, ReplyState.MISSING, code="federation.unreachable")
        elif refusal is not None and refusal.may_pass:
            self._note(question.country, ReplyState.REFUSED, code=refusal.code)  # asked again after a while
        else:
            code = refusal.code if refusal is not None else "refused.unknown"
            seconds = time.monotonic() - question.sent_at
            self._settle(question.country, ReplyState.REFUSED, code=code, seconds=seconds)

    def _settle(self, country: Country, state: ReplyState, *, code: str, seconds: float, size: int = 0) -> None:
        self._due.pop(country, None)
        self.replies[country] = Reply(country=country, state=state, code=code, seconds=seconds, payload_bytes=size)
        self._to.registry.record_contact(country, now=datetime.now(UTC))
        _log.info("reply", country=country.value, round=self._header.round, state=state.value, code=code, bytes=size)

    def _note(self, country: Country, state: ReplyState, *, code: str) -> None:
        self.replies[country] = Reply(country=country, state=state, code=code, seconds=0.0, payload_bytes=0)

    def _watch_presence(self) -> None:
        """Ask a country again at once when it has connected since it was asked: what it was asked is lost to it."""
        now = time.monotonic()
        if now - self._looked_at < _PRESENCE_SECONDS:
            return
        self._looked_at = now
        for name, since in self._to.exchange.connected_since().items():
            country = Country(name)
            asked_at = self._asked_at.get(country)
            if country in self._due and asked_at is not None and since > asked_at:
                self._due[country] = now
