"""Everything of Flower that the coordinator touches, private symbols included: one place to mend after a release.

tests/contract/test_flower.py fail loudly when one of these symbols changes its name, place or meaning.
"""

import time
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from io import BytesIO
from typing import Self

import httpx
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.app.message import remove_content_from_message
from flwr.common.constant import SUPERLINK_NODE_ID, SubStatus
from flwr.common.serde import message_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.fab_pb2 import Fab
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, ObjectTree, PullObjectRequest, PushObjectRequest
from flwr.proto.node_pb2 import Node, NodeInfo
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    GetNodesRequest,
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.serverapp.grid import Grid
from flwr.supercore.auth import load_superexec_auth_secret
from flwr.supercore.constant import TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.inflatable.inflatable_object import (
    InflatableObject,
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.run import Run
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import NotFound, Unavailable
from safeborders.models.protocol.messages import SignedMessage
from safeborders.server.federation.exchange import Answer
from safeborders.server.federation.link import Link

MESSAGE_TYPE = "train"
RECORD = "safeborders"
RUN_KEY = "run"
_ACQUIRE_METHOD = "/flwr.proto.Runtime/AcquireTask"
_OBJECT_WAIT_SECONDS = 0.02
_OBJECT_PATIENCE_SECONDS = 30.0


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what an HTTP client raises into one sentence of ours."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in {httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST}:
            raise NotFound("Flower's SuperLink does not know what was asked for.", status=status) from error
        raise Unavailable("Flower's SuperLink refused the request: its log says why.", status=status) from error
    except httpx.TransportError as error:
        raise Unavailable("Flower's SuperLink does not answer: it is starting, or it is down.") from error


def build_bundle() -> bytes:
    """Return the manifest without code that Flower wants before it opens a run."""
    manifest = files("safeborders.server.federation").joinpath("bundle/pyproject.toml").read_bytes()
    listing = f"pyproject.toml,{sha256_hex(manifest)},{len(manifest) * 8}"
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as bundle:
        for name, text in (("pyproject.toml", manifest), (".info/CONTENT", listing.encode())):
            bundle.writestr(zipfile.ZipInfo(name), text)  # a fixed date: the same bytes, and the same hash, every time
    return content.getvalue()


@dataclass(frozen=True)
class FlowerNode:
    """A country's connection as Flower sees it."""

    node_id: int
    name: str
    public_key: bytes
    status: str
    activated_at: str


@dataclass(frozen=True)
class FlowerRun:
    """One of Flower's runs and the run of ours that it carries."""

    flower_run: int
    run: str
    status: str


class ControlLink:
    """The SuperLink's Control API on loopback."""

    def __init__(self, link: Link) -> None:
        self._client = ControlHttpClient.from_server_address(
            link.address, False, link.authority.read_bytes(), interceptors=[RuntimeVersionHttpInterceptor("cli")]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def list_nodes(self) -> list[FlowerNode]:
        """Return all registered nodes."""
        with _plain_errors():
            return [_flower_node(node) for node in self._client.ListNodes(ListNodesRequest()).nodes_info]

    def register_node(self, name: str, *, public_key: bytes) -> int:
        """Register a node's Flower key and return its id."""
        with _plain_errors():
            response = self._client.RegisterNode(RegisterNodeRequest(public_key=public_key, name=name))
        return int(response.node_id)

    def unregister_node(self, node_id: int) -> None:
        """Refuse this node from now on."""
        with _plain_errors():
            self._client.UnregisterNode(UnregisterNodeRequest(node_id=node_id))

    def start_run(self, run: str) -> int:
        """Open a Flower run that carries our ``run`` and return Flower's number."""
        request = StartRunRequest(fab=Fab(content=build_bundle()), override_config=user_config_to_proto({RUN_KEY: run}))
        with _plain_errors():
            response = self._client.StartRun(request)
        if not response.run_id:
            raise Unavailable("Flower did not open the run: the SuperLink's log says why.", run=run)
        return int(response.run_id)

    def stop_run(self, flower_run: int) -> None:
        """Close a Flower run; its messages are dropped."""
        with _plain_errors():
            self._client.StopRun(StopRunRequest(run_id=flower_run))

    def list_runs(self, *, limit: int = 50) -> list[FlowerRun]:
        """Return the newest Flower runs, newest first."""
        with _plain_errors():
            runs = self._client.ListRuns(ListRunsRequest(limit=limit)).run_dict.values()
        ordered = sorted(runs, key=lambda run: str(run.pending_at), reverse=True)
        return [
            FlowerRun(flower_run=run.run_id, run=run.override_config[RUN_KEY].string, status=f"{run.status.status}")
            for run in ordered
        ]


@dataclass(frozen=True)
class Task:
    """Flower's leave to lead one of its runs."""

    token: str
    flower_run: int
    run: str


def _runtime_client(link: Link, *interceptors: object) -> RuntimeHttpClient:
    return RuntimeHttpClient.from_server_address(
        link.address,
        False,
        link.authority.read_bytes(),
        interceptors=[RuntimeVersionHttpInterceptor("flwr-serverapp"), *interceptors],
    )


def acquire_task(link: Link) -> Task | None:
    """Claim the oldest run that waits for a leader, with the secret that only we hold; None when none waits."""
    secret = load_superexec_auth_secret(str(link.secret))
    auth = SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods=[_ACQUIRE_METHOD])
    with _plain_errors(), _runtime_client(link, auth) as client:
        response = client.AcquireTask(AcquireTaskRequest(supported_task_types=[TaskType.SERVER_APP.value]))
    if not response.token:
        return None
    with _plain_errors(), _runtime_client(link, RuntimeTokenHttpInterceptor(token=response.token)) as client:
        started = client.PullTaskInput(PullTaskInputRequest())
    TaskIdentity.task_id, TaskIdentity.run_id = started.task_id, started.run.run_id
    TaskIdentity.node_id = SUPERLINK_NODE_ID
    return Task(token=response.token, flower_run=started.run.run_id, run=started.run.override_config[RUN_KEY].string)


class TaskGrid(Grid):  # type: ignore[misc]  # flwr ships no types to the checker
    """Flower's Grid over the Runtime API: one thread, one connection, no sleeps of seconds.

    HttpGrid waits a second when a reply's objects are still on their way; this one 20 ms.
    """

    def __init__(self, link: Link, task: Task) -> None:
        self._client = _runtime_client(link, RuntimeTokenHttpInterceptor(token=task.token))
        self._run_id = task.flower_run
        self._node = Node(node_id=SUPERLINK_NODE_ID)

    def set_run(self, run: Run) -> None:
        """Refuse: the task decides the run."""
        raise NotImplementedError

    @property
    def run(self) -> Run:
        """The Flower run, by number only."""
        return Run.create_empty(self._run_id)

    def create_message(self, *_: object, **__: object) -> Message:
        """Refuse: deprecated in Flower."""
        raise NotImplementedError

    def send_and_receive(self, *_: object, **__: object) -> Iterable[Message]:
        """Refuse: it sleeps three seconds between looks."""
        raise NotImplementedError

    def get_node_ids(self) -> list[int]:
        """Return the ids of the connected nodes."""
        return [node.node_id for node in self.get_nodes()]

    def get_nodes(self) -> list[NodeInfo]:
        """Return the connected nodes."""
        with _plain_errors():
            return list(self._client.GetNodes(GetNodesRequest()).nodes)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Hand ``messages`` to the SuperLink; an empty id stands for one that could not be delivered."""
        batch = list(messages)
        objects: dict[str, InflatableObject] = {}
        with no_object_id_recompute(), _plain_errors():
            for message in batch:
                message.metadata.__dict__["_message_id"] = message.object_id
                objects.update(get_all_nested_objects(message))
            response = self._client.PushMessages(
                PushAppMessagesRequest(
                    messages_list=[message_to_proto(remove_content_from_message(message)) for message in batch],
                    message_object_trees=[get_object_tree(message) for message in batch],
                )
            )
            for object_id in response.objects_to_push:
                self._push_object(object_id, objects[object_id].deflate(), session=response.session_id)
        return list(response.message_ids)

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Return the replies that have arrived to ``message_ids``."""
        with _plain_errors():
            response = self._client.PullMessages(PullAppMessagesRequest(message_ids=list(message_ids)))
            return [
                message
                for proto, tree in zip(response.messages_list, response.message_object_trees, strict=True)
                if (message := self._pull_message(proto.metadata.message_id, tree)) is not None
            ]

    def send_heartbeat(self) -> bool:
        """Tell the SuperLink that the run still has its leader; False when it disagrees."""
        with _plain_errors():
            return bool(self._client.SendTaskHeartbeat(SendTaskHeartbeatRequest()).success)

    def finish(self, *, succeeded: bool) -> None:
        """Close the run."""
        sub_status = SubStatus.COMPLETED if succeeded else SubStatus.FAILED
        with _plain_errors():
            self._client.PushTaskOutput(PushTaskOutputRequest(sub_status=sub_status, details=""))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _push_object(self, object_id: str, content: bytes, *, session: str) -> None:
        self._client.PushObject(
            PushObjectRequest(
                node=self._node, run_id=self._run_id, session_id=session, object_id=object_id, object_content=content
            )
        )

    def _pull_message(self, message_id: str, tree: ObjectTree) -> Message | None:
        patience = time.monotonic() + _OBJECT_PATIENCE_SECONDS
        contents: dict[str, bytes] = {}
        for branch in iterate_object_tree(tree):
            content = self._pull_object(branch.object_id, patience=patience)
            if content is None:
                return None
            contents[branch.object_id] = content
        self._client.ConfirmMessageReceived(
            ConfirmMessageReceivedRequest(node=self._node, run_id=self._run_id, message_object_id=message_id)
        )
        try:
            message = inflate_object_from_contents(message_id, contents)
        except (KeyError, ValueError, TypeError, IndexError):  # a node may push any bytes it likes
            return None
        return message if isinstance(message, Message) else None

    def _pull_object(self, object_id: str, *, patience: float) -> bytes | None:
        request = PullObjectRequest(node=self._node, run_id=self._run_id, object_id=object_id)
        while True:
            response = self._client.PullObject(request)
            if response.object_available:
                return bytes(response.object_content)
            if not response.object_found or time.monotonic() > patience:
                return None
            time.sleep(_OBJECT_WAIT_SECONDS)


class GridExchange:
    """Our messages over a Flower Grid."""

    def __init__(self, grid: Grid, *, node_ids: Callable[[], Mapping[str, int]], ttl_seconds: float) -> None:
        self._grid = grid
        self._node_ids = node_ids
        self._ttl_seconds = ttl_seconds

    def send(self, messages: Iterable[SignedMessage]) -> list[str]:
        """Send each message to its country; an empty reference stands for a country that is not registered."""
        batch = list(messages)
        nodes = self._node_ids()
        deliverable = [message for message in batch if message.header.country.value in nodes]
        if not deliverable:
            return [""] * len(batch)
        pushed = iter(self._grid.push_messages([self._wrap(message, nodes) for message in deliverable]))
        return [next(pushed) or "" if message.header.country.value in nodes else "" for message in batch]

    def collect(self, references: Collection[str]) -> list[Answer]:
        """Return what has arrived for ``references``."""
        if not references:
            return []
        return [unwrap(message) for message in self._grid.pull_messages(references)]

    def connected_since(self) -> dict[str, datetime]:
        """Return, for every connected country, when it connected."""
        since = {node.node_id: datetime.fromisoformat(node.last_activated_at) for node in self._grid.get_nodes()}
        return {name: since[node_id] for name, node_id in self._node_ids().items() if node_id in since}

    def _wrap(self, message: SignedMessage, nodes: Mapping[str, int]) -> Message:
        return Message(
            wrap(message),
            nodes[message.header.country.value],
            MESSAGE_TYPE,
            ttl=self._ttl_seconds,
            group_id=str(message.header.round),
        )


def wrap(message: SignedMessage) -> RecordDict:
    """Return a Flower record with the three byte strings of ``message``."""
    record = ConfigRecord({"header": message.header_bytes, "signature": message.signature, "payload": message.payload})
    return RecordDict({RECORD: record})


def unwrap(message: Message) -> Answer:
    """Return what a reply holds, whatever its sender put into it; only bytes and a number are ever read."""
    reference = str(message.metadata.reply_to_message_id)
    if message.has_error():
        return Answer(reference=reference, error=int(message.error.code))
    record = message.content.get(RECORD)
    parts = [
        record.get(name) if isinstance(record, ConfigRecord) else None for name in ("header", "signature", "payload")
    ]
    header, signature, payload = (part if isinstance(part, bytes) else b"" for part in parts)
    return Answer(reference=reference, header=header, signature=signature, payload=payload)


def _flower_node(node: NodeInfo) -> FlowerNode:
    return FlowerNode(
        node_id=node.node_id,
        name=node.name,
        public_key=bytes(node.public_key),
        status=node.status,
        activated_at=node.last_activated_at,
    )
