"""The time, as a port: production reads the system clock, tests set their own."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return now as an aware UTC time."""
    return datetime.now(UTC)
