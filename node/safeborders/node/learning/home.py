"""What stage C computes stays home: a type that no message, file or other process can be made of."""

from typing import ClassVar, NoReturn, SupportsIndex

from safeborders.kit.errors import SafeBordersError


class MustStayHome(SafeBordersError):
    """Something tried to turn a result of stage C into bytes, an array or a copy for another process."""

    code: ClassVar[str] = "learning.must_stay_home"


class StaysHome:
    """Base of stage C's results: gates, calibrations, local models, predictions.

    They hold a country's raw records in another form, and nothing about them was paid for in the ledger. Python's ways
    into bytes end here: pickle and copy (``__reduce_ex__``), ``bytes``, numpy, iteration. A payload is made of
    bytes and of integer arrays from the private engine, so that a type checker refuses one of these, too.
    """

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be pickled or copied."""
        self._refuse()

    def __getstate__(self) -> NoReturn:
        """Refuse to give the fields to a serialiser."""
        self._refuse()

    def __bytes__(self) -> NoReturn:
        """Refuse to become bytes."""
        self._refuse()

    def __array__(self, *_arguments: object, **_options: object) -> NoReturn:
        """Refuse to become an array."""
        self._refuse()

    def __iter__(self) -> NoReturn:
        """Refuse to be walked through, as JSON and ``dict`` would."""
        self._refuse()

    def __repr__(self) -> str:
        """Name the class alone: nothing of it gets into a log."""
        return f"<{type(self).__name__}>"

    def _refuse(self) -> NoReturn:
        raise MustStayHome("A result of local inference may not leave the node: release only what the ledger paid for.")
