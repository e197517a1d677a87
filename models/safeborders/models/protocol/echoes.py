"""How countries notice within one round that a coordinator sent them different models.

Each update's header names the model that it was made for, and its country signs it. The next order brings those headers
of the round before, so every country sees, under the others' own signatures, which model each of them had. A
coordinator that sent two models cannot show enough headers for either.

A round under masks may be given up before enough updates came. The header of a country's key names its model too, and a
country signs one model a round (``MaskedRounds``), so it says the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field, TypeAdapter, ValidationError

from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import is_signed_by
from safeborders.models.protocol.messages import Header, Kind, SignedMessage
from safeborders.models.protocol.plan import Frozen

_NAMING_A_MODEL = frozenset({Kind.UPDATE, Kind.ADVERT})


class ModelsDiffer(SafeBordersError):
    """The countries did not all work on one model, or it cannot be seen that they did."""

    code: ClassVar[str] = "federation.models_differ"


class Echo(Frozen):
    """The header of a country's update, or of its key for a masked round, as its country signed it."""

    header: str = Field(max_length=4096)
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


ECHOES = TypeAdapter(tuple[Echo, ...])
"""Echoes as JSON, as a coordinator keeps them between rounds."""


@dataclass(frozen=True)
class Expectation:
    """What the echoes of a round must show.

    Args:
        floor: Fewest different countries.
        own_base: Model that this country itself worked on in that round; None if it took no part.
        keys: The roster's node keys, by party.
    """

    floor: int
    own_base: str | None
    keys: Mapping[str, str]


def echo_of(message: SignedMessage) -> Echo:
    """Return the echo of an update, or of a country's key."""
    return Echo(header=message.header_bytes.decode(), signature=message.signature.hex())


def round_of(echo: Echo) -> int:
    """Return the round that an echo says it is of; -1 where it says none."""
    try:
        return Header.model_validate_json(echo.header).round
    except ValidationError:
        return -1


def round_before(order: Header) -> int:
    """Return the round whose echoes must come with ``order``; 0 when none need to."""
    return order.round if order.kind is Kind.ACTIVATE else order.round - 1


def check_echoes(echoes: Sequence[Echo], *, order: Header, expected: Expectation) -> None:
    """Refuse an order unless enough countries show that they all had one model in the round before.

    Args:
        echoes: That came with the order.
        order: Header of the order.
        expected: What they must show.

    Raises:
        ModelsDiffer: If one is not signed by its country, is of another round, or two name different models.
    """
    number = round_before(order)
    if number < 1:
        return
    bases: dict[str, str] = {}
    for echo in echoes:
        header = _checked(echo, order=order, keys=expected.keys)
        if header.round != number or header.country.value in bases:
            raise ModelsDiffer("An echo is of another round, or one country's came twice: the run is not answered.")
        bases[header.country.value] = header.base_model_sha256
    found = set(bases.values()) | ({expected.own_base} - {None})
    if len(found) > 1:
        raise ModelsDiffer("The coordinator sent countries different models: stop the run and tell the others.")
    if len(bases) < expected.floor:
        raise ModelsDiffer("Too few countries show which model they had: the run is not answered.")


def _checked(echo: Echo, *, order: Header, keys: Mapping[str, str]) -> Header:
    content = echo.header.encode()
    try:
        header = Header.model_validate_json(content)
    except ValidationError as error:
        raise ModelsDiffer("An echo has an unknown form: both ends need the same version.") from error
    same = (header.federation, header.run, header.plan_sha256) == (order.federation, order.run, order.plan_sha256)
    if header.kind not in _NAMING_A_MODEL or not same:
        raise ModelsDiffer("An echo is of another run: the run is not answered.")
    key = keys.get(header.country.value, "")
    if not is_signed_by(key, signature=bytes.fromhex(echo.signature), content=content):
        raise ModelsDiffer("An echo is not signed by its country: the run is not answered.")
    return header
