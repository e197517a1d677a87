"""A Flower Grid without a network: it calls each country's answer function directly, through Flower's own messages."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.serverapp.grid import Grid
from flwr.supercore.task_identity import TaskIdentity

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import SignedMessage, parse_message
from safeborders.models.protocol.refusals import Refusal
from safeborders.server.federation.flower_adapter import RECORD, wrap

Reaction: TypeAlias = SignedMessage | Refusal | int | object
"""A signed reply, a refusal or code, any Flower content at all, or None for silence."""

Answer = Callable[[SignedMessage], Reaction]


class LocalGrid(Grid):  # type: ignore[misc]  # flwr ships no types to the checker
    """Deliver each message at once; keep what a country holds back until ``release`` is called.

    Args:
        countries: What each country does with a verified message.
        coordinator_key: Public key that the countries verify with.
    """

    def __init__(self, countries: Mapping[Country, Answer], *, coordinator_key: str) -> None:
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
        self.node_ids = {country.value: number for number, country in enumerate(countries, start=100)}
        self._countries = {self.node_ids[country]: answer for country, answer in countries.items()}
        self._coordinator_key = coordinator_key
        self._replies: dict[str, Message] = {}
        self.sent: list[SignedMessage] = []
        self.held_back: list[tuple[Message, SignedMessage]] = []

    def set_run(self, run: object) -> None:
        raise NotImplementedError

    @property
    def run(self) -> Any:
        raise NotImplementedError

    def create_message(self, *_: object, **__: object) -> Any:
        raise NotImplementedError

    def send_and_receive(self, *_: object, **__: object) -> Any:
        raise AssertionError("send_and_receive sleeps three seconds and must not be used")

    def get_node_ids(self) -> list[int]:
        return list(self.node_ids.values())

    def get_nodes(self) -> list[Any]:
        return []

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        return [self._deliver(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        arrived = [reference for reference in message_ids if reference in self._replies]
        return [self._replies.pop(reference) for reference in arrived]

    def release(self, message: Message, reply: SignedMessage) -> None:
        """Let a held-back reply arrive."""
        self._store(message, reply)

    def _deliver(self, message: Message) -> str:
        message.metadata.__dict__["_message_id"] = message.object_id
        order = self._parsed(message)
        self.sent.append(order)
        reaction = self._countries[message.metadata.dst_node_id](order)
        if reaction is not None:
            self._store(message, reaction)
        else:
            self.held_back.append((message, order))
        return str(message.metadata.message_id)

    def _parsed(self, message: Message) -> SignedMessage:
        record = message.content[RECORD]
        assert isinstance(record, ConfigRecord)
        return parse_message(
            record["header"],
            signature=record["signature"],
            payload=record["payload"],
            public_key=self._coordinator_key,
        )

    def _store(self, message: Message, reaction: Reaction) -> None:
        if isinstance(reaction, SignedMessage):
            reply = Message(wrap(reaction), reply_to=message)
        elif isinstance(reaction, RecordDict):
            reply = Message(reaction, reply_to=message)
        else:
            assert isinstance(reaction, int)
            reply = Message(Error(code=int(reaction), reason="planted reason"), reply_to=message)
        self._replies[message.metadata.message_id] = reply
