"""What resolution compares of each person: names by sound, birth, sex, numbers in use, cases, kin."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from safeborders.models.domain.entities import DatePrecision, EntityKind, Sex
from safeborders.models.domain.normalise.names import fold_word, words_of


@dataclass(frozen=True, slots=True)
class Name:
    """A recorded name.

    Attributes:
        words: Its words by sound, in their order.
        letters: The same words in ASCII letters, not folded: a slip of the pen moves letters, not sounds.
    """

    words: tuple[str, ...]
    letters: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Name":
        """Return ``text`` as a name."""
        both = [(sound, word) for word in words_of(text) if (sound := fold_word(word))]
        return cls(words=tuple(sound for sound, _ in both), letters=tuple(word for _, word in both))

    def __repr__(self) -> str:
        return f"<Name of {len(self.words)} words>"  # names stay out of logs and tracebacks

    @property
    def readings(self) -> tuple[str, str, str]:
        """The name without spaces: by sound, by sound with its words sorted, and in ASCII letters."""
        return "".join(self.words), "".join(sorted(self.words)), "".join(self.letters)


@dataclass(frozen=True, slots=True)
class Holding:
    """A number, account, vehicle, document or address that a person uses.

    Attributes:
        token: Its kind and match key, the same for all records of one thing.
        kind: What it is.
        since: First known day; None when unknown.
        until: Last known day; None when unknown or still in use.
        series: Kind and issuer of an identity document, of which a person has one at a time; "" for other things.
    """

    token: str
    kind: EntityKind
    since: date | None = None
    until: date | None = None
    series: str = ""

    def __repr__(self) -> str:
        return f"<Holding {self.kind.value}>"


@dataclass(frozen=True, slots=True)
class Profile:
    """One record of a person.

    Attributes:
        id: Our identifier of the record.
        names: Each recorded name; first the main one.
        holdings: What the person uses.
        cases: Roles by case.
        kin: Persons that a record names as kin or associates.
        professional: Whether the person is known in a professional role: such records are never candidates.
        guarded: Whether only a human may decide: a victim, a minor, or somebody of unknown age.
    """

    id: str
    names: tuple[Name, ...] = ()
    born: date | None = None
    precision: DatePrecision | None = None
    sex: Sex | None = None
    holdings: tuple[Holding, ...] = ()
    cases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kin: frozenset[str] = frozenset()
    professional: bool = False
    guarded: bool = True

    def __repr__(self) -> str:
        return f"<Profile {self.id}>"

    @property
    def has_day(self) -> bool:
        """Whether the whole birth date is known."""
        return self.born is not None and self.precision in {None, DatePrecision.DAY}

    @property
    def has_month(self) -> bool:
        """Whether the year and the month of birth are known."""
        return self.born is not None and self.precision is not DatePrecision.YEAR


@dataclass(frozen=True)
class Register:
    """All records of persons of one country, and how often things occur among them: what is common proves little."""

    profiles: Sequence[Profile]

    @cached_property
    def words(self) -> Counter[str]:
        """How many records have each word of a name."""
        return Counter(word for one in self.profiles for word in {word for name in one.names for word in name.words})

    @cached_property
    def users(self) -> Counter[str]:
        """How many records use each thing."""
        return Counter(token for one in self.profiles for token in {held.token for held in one.holdings})

    @cached_property
    def years(self) -> Counter[int]:
        """How many records are born in each year."""
        return Counter(one.born.year for one in self.profiles if one.born is not None)

    @cached_property
    def coarse_share(self) -> float:
        """Share of known birth dates that lack the day; one in fifty at least."""
        known = [one for one in self.profiles if one.born is not None]
        return max(0.02, sum(not one.has_day for one in known) / max(1, len(known)))
