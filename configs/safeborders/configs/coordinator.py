"""The profile of the coordinator."""

from pathlib import Path

from pydantic import Field

from safeborders.configs.loading import Settings
from safeborders.configs.places import CoordinatorPlaces, ProfilePath


class EdgeSettings(Settings):
    """The public edge: mutual TLS, the fleet API and nothing else."""

    host: str = Field(description="Address to listen on.")
    port: int = Field(ge=1, le=65535, description="Port that the nodes reach.")
    names: tuple[str, ...] = Field(min_length=1, description="DNS names or IP addresses in the edge's certificate.")


class CoordinatorSettings(Settings):
    """The whole profile of the coordinator."""

    federation: str = Field(min_length=1, max_length=64, description="Name of the federation.")
    state: ProfilePath = Field(description="Folder of keys, databases and logs.")
    database_url: str | None = Field(
        default=None, description="PostgreSQL URL; when absent, an SQLite file in the state folder."
    )
    edge: EdgeSettings = Field(description="What the nodes reach.")
    superlink_port: int = Field(ge=1, le=65535, description="Port of Flower's SuperLink on loopback.")
    page_port: int = Field(ge=1, le=65535, description="Port of the coordinator's page on loopback.")

    @property
    def places(self) -> CoordinatorPlaces:
        """Where the coordinator keeps its files."""
        return CoordinatorPlaces(Path(self.state))

    @property
    def registry_url(self) -> str:
        """URL of the coordinator's database."""
        return self.database_url or f"sqlite:///{self.places.database}"
