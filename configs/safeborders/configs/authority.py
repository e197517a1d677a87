"""The profile of the federation's authority: a machine without a network that signs certificates and kits."""

from pathlib import Path

from pydantic import Field

from safeborders.configs.loading import Settings
from safeborders.configs.places import AuthorityPlaces, ProfilePath


class AuthoritySettings(Settings):
    """The whole profile of the authority."""

    federation: str = Field(min_length=1, max_length=64, description="Name of the federation.")
    state: ProfilePath = Field(description="Folder of its encrypted keys and its register; on no machine of a network.")
    edge_names: tuple[str, ...] = Field(
        min_length=1, description="The only DNS names or IP addresses that the coordinator may ever answer under."
    )
    passphrase_file: ProfilePath | None = Field(
        default=None, description="File with the passphrase of its keys; when absent, it is asked for."
    )
    certificate_days: int = Field(default=30, ge=1, le=90, description="Validity of a node's certificate.")
    edge_days: int = Field(default=90, ge=1, le=180, description="Validity of the public edge's certificate.")

    @property
    def places(self) -> AuthorityPlaces:
        """Where the authority keeps its files."""
        return AuthorityPlaces(Path(self.state))
