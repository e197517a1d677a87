"""Stock ServerApp: rounds of send_and_receive with 100,000 float32; writes the seconds of each round."""

import json
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

app = ServerApp()


@app.main()  # type: ignore[untyped-decorator]  # flwr ships no types to the checker
def main(grid: Grid, context: Context) -> None:
    """Run the rounds."""
    config = context.run_config
    while len(nodes := list(grid.get_node_ids())) < int(config["nodes"]):
        time.sleep(0.2)
    content = RecordDict({"model": ArrayRecord([np.zeros(100_000, dtype=np.float32)])})
    seconds = []
    for number in range(int(config["rounds"])):
        started_at = time.monotonic()
        messages = [Message(content, node, "train", group_id=str(number)) for node in nodes]
        replies = list(grid.send_and_receive(messages, timeout=300))
        if len(replies) != len(nodes) or any(reply.has_error() for reply in replies):
            raise RuntimeError("a stock node did not answer")
        seconds.append(time.monotonic() - started_at)
    Path(str(config["out"])).write_text(json.dumps(seconds), encoding="utf-8")
