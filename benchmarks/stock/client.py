"""Stock ClientApp: sends the model back."""

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

app = ClientApp()


@app.train()  # type: ignore[untyped-decorator]  # flwr ships no types to the checker
def train(message: Message, context: Context) -> Message:
    """Answer with what came."""
    return Message(message.content, reply_to=message)
