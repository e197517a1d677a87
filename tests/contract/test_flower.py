"""What we rely on in Flower 1.41, private symbols included; a version bump must fail here and not in a round."""

import ast
import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.common.constant import HEARTBEAT_DEFAULT_INTERVAL, SUPERLINK_NODE_ID, ErrorCode, SubStatus
from flwr.proto import control_pb2, fleet_pb2, message_pb2, node_pb2, runtime_pb2
from flwr.serverapp.grid import Grid
from flwr.supercore.constant import TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects, get_object_tree, iterate_object_tree
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.protobuf.client import ProtobufClient
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.main import create_app
from flwr.supernode.fleet_http_client import FleetHttpClient

from safeborders.node.learning import flower_adapter as node_side
from safeborders.server.federation import flower_adapter as coordinator_side
from safeborders.server.federation.link import Link
from safeborders.server.federation.superlink import superlink_command

ROOT = Path(__file__).parents[2]
ADAPTERS = (
    ROOT / "node/safeborders/node/learning/flower_adapter.py",
    ROOT / "server/safeborders/server/federation/flower_adapter.py",
    ROOT / "server/safeborders/server/federation/flower_requests.py",  # of the edge, which needs nothing else of Flower
)


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("flwr").startswith("1.41.")


def test_flower_is_imported_in_the_adapters_only() -> None:
    roots = ("kit", "models", "privacy", "configs", "node", "server", "sandbox")
    users = {
        path
        for root in roots
        for path in (ROOT / root).rglob("*.py")
        if any(name.split(".")[0] == "flwr" for name in _imports(path))
    }

    assert users == set(ADAPTERS)


def test_no_part_of_a_node_can_name_a_bundle() -> None:
    names = {name.lower() for name in vars(node_side)}

    assert not [name for name in names if "fab" in name or "getrun" in name]
    assert any("fab" in name.lower() for name in vars(coordinator_side))  # control: the search finds it elsewhere


@pytest.mark.parametrize(
    ("client", "methods"),
    [
        (
            FleetHttpClient,
            ("ActivateNode", "DeactivateNode", "SendNodeHeartbeat", "PullMessages", "PushMessages", "PullObject",
             "PushObject", "ConfirmMessageReceived"),
        ),
        (
            RuntimeHttpClient,
            ("AcquireTask", "PullTaskInput", "PushTaskOutput", "SendTaskHeartbeat", "GetNodes", "PushMessages",
             "PullMessages", "PushObject", "PullObject", "ConfirmMessageReceived"),
        ),
        (ControlHttpClient, ("RegisterNode", "UnregisterNode", "ListNodes", "StartRun", "StopRun", "ListRuns")),
    ],
)  # fmt: skip
def test_the_clients_have_the_calls_that_we_make(client: type, methods: tuple[str, ...]) -> None:
    assert issubclass(client, ProtobufClient)
    for method in methods:
        assert callable(getattr(client, method))


def test_a_client_takes_our_tls_context() -> None:
    parameters = inspect.signature(ProtobufClient.__init__).parameters

    assert {"base_url", "interceptors", "verify", "timeout"} <= set(parameters)


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (fleet_pb2.ActivateNodeRequest, {"public_key", "heartbeat_interval"}),
        (fleet_pb2.PullMessagesResponse, {"messages_list", "message_object_trees"}),
        (fleet_pb2.PushMessagesResponse, {"objects_to_push", "session_id"}),
        (message_pb2.PullObjectResponse, {"object_found", "object_available", "object_content"}),
        (message_pb2.PushObjectRequest, {"node", "run_id", "session_id", "object_id", "object_content"}),
        (runtime_pb2.AcquireTaskResponse, {"token", "task"}),
        (runtime_pb2.PullTaskInputResponse, {"run", "task_id"}),
        (runtime_pb2.PushAppMessagesResponse, {"message_ids", "objects_to_push", "session_id"}),
        (control_pb2.RegisterNodeRequest, {"public_key", "name"}),
        (control_pb2.StartRunRequest, {"fab", "override_config"}),
        (node_pb2.NodeInfo, {"node_id", "name", "public_key", "status", "last_activated_at"}),
    ],
)
def test_the_messages_have_the_fields_that_we_read_and_write(message: type, fields: set[str]) -> None:
    assert fields <= {field.name for field in message.DESCRIPTOR.fields}  # type: ignore[attr-defined]  # protobuf


def test_constants_mean_what_we_take_them_for() -> None:
    assert (SUPERLINK_NODE_ID, HEARTBEAT_DEFAULT_INTERVAL) == (1, 30)
    assert TaskType.SERVER_APP.value == "flwr-serverapp"
    assert (SubStatus.COMPLETED, SubStatus.FAILED) == ("completed", "failed")
    codes = [value for name, value in vars(ErrorCode).items() if name.isupper()]
    assert max(codes) < 100  # ours begin there


def test_a_message_survives_being_taken_apart_and_put_together() -> None:
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 2, SUPERLINK_NODE_ID
    message = Message(RecordDict({"safeborders": ConfigRecord({"payload": b"\x00\xff"})}), 9, "train", ttl=60.0)

    contents = {name: part.deflate() for name, part in get_all_nested_objects(message).items()}
    tree = get_object_tree(message)
    assert {branch.object_id for branch in iterate_object_tree(tree)} == set(contents)
    again = inflate_object_from_contents(tree.object_id, dict(contents))

    assert again.content["safeborders"]["payload"] == b"\x00\xff"
    assert len(contents) == 3  # each is a round trip; more of them make rounds slower


def test_an_error_reply_carries_our_code_and_no_text() -> None:
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 2, SUPERLINK_NODE_ID
    order = Message(RecordDict({}), 9, "train", ttl=60.0)
    order.metadata.__dict__["_message_id"] = order.object_id

    reply = Message(Error(code=101, reason=""), reply_to=order)

    assert (reply.error.code, reply.error.reason) == (101, "")
    assert reply.metadata.reply_to_message_id == order.object_id


def test_a_grid_asks_for_the_methods_that_ours_has() -> None:
    assert Grid.__abstractmethods__ <= set(dir(coordinator_side.TaskGrid))
    assert not coordinator_side.TaskGrid.__abstractmethods__


def test_the_fleet_api_lives_under_the_path_that_the_edge_lets_through() -> None:
    paths = {path for path in create_app().openapi()["paths"] if "fleet" in path}

    assert "/v1/fleet/pull-messages" in paths
    assert all(path.startswith("/v1/fleet/") for path in paths)


def test_the_superlink_knows_every_option_that_we_start_it_with(tmp_path: Path) -> None:
    command = superlink_command(Link(tmp_path, 1))
    told = subprocess.run([command[0], "--help"], capture_output=True, text=True, check=True).stdout

    for option in (word for word in command if word.startswith("--")):
        assert option in told
    assert command[command.index("--isolation") + 1] == "process"
    assert "--enable-supernode-auth" in command
    assert "--insecure" not in command


def test_the_bundle_is_a_manifest_and_the_same_bytes_every_time() -> None:
    bundle = coordinator_side.build_bundle()

    assert bundle == coordinator_side.build_bundle()
    assert b".py" not in bundle.replace(b"pyproject", b"")


def test_both_sides_call_the_record_by_the_same_name() -> None:
    assert node_side.RECORD == coordinator_side.RECORD


def test_importing_an_adapter_opens_no_connection() -> None:
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "import safeborders.server.federation.flower_adapter, safeborders.node.learning.flower_adapter\n"
    )
    environment = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}

    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert issubclass(httpx.ConnectError, httpx.TransportError)
