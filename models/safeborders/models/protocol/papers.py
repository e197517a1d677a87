"""What travels with each order beside plan and model.

The run's signed manifest, today's timestamp of the roster, the echoes of the round before, and, with a final model, the
evidence of its anonymity.
"""

from typing import Annotated

from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.models.protocol.echoes import Echo
from safeborders.models.protocol.manifest import ManifestRefused
from safeborders.models.protocol.plan import Frozen

_Evidence = Annotated[str, Field(max_length=2**17)]


class Papers(Frozen):
    """Each as text, exactly as it was signed."""

    manifest: str = Field(max_length=2**19)
    timestamp: str = Field(max_length=2**16)
    echoes: tuple[Echo, ...] = Field(default=(), max_length=64, strict=False)
    evidence: tuple[_Evidence, ...] = Field(default=(), max_length=64, strict=False)

    def to_bytes(self) -> bytes:
        """Return the form that an order carries."""
        return canonical_json(self.model_dump(mode="json"))


def parse_papers(content: bytes) -> Papers:
    """Return the papers.

    Raises:
        ManifestRefused: If there are none, or in another form.
    """
    try:
        return Papers.model_validate_json(content)
    except ValidationError as error:
        raise ManifestRefused("The order brings no manifest: the run is not answered.") from error
