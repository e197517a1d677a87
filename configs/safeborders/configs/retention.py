"""The national retention policy: how long what is kept about whom, and when somebody must look at it again."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from safeborders.configs.loading import Settings
from safeborders.models.domain.countries import Country
from safeborders.models.domain.governance import Sensitivity
from safeborders.models.domain.statuses import DataSubjectCategory

Days = Annotated[int, Field(ge=1, le=36525)]

THING = "thing"
"""What the rule for rows about no single person is called: cases, episodes, selectors, places, organisations."""

_SHORTER = (DataSubjectCategory.WITNESS, DataSubjectCategory.CONTACT)


class Period(Settings):
    """How long, counted from the day on which the source recorded a row."""

    review_after: Days = Field(description="Days until somebody must look at the row again.")
    retain_for: Days = Field(description="Days until the row is erased.")

    @model_validator(mode="after")
    def _reviewed_before_erased(self) -> "Period":
        if self.review_after > self.retain_for:
            raise ValueError("a review comes no later than the erasure")
        return self


class RetentionPolicy(Settings):
    """The whole policy of one country. Nothing has a default: a country decides on every category."""

    country: Country = Field(description="The country whose law this is.")
    version: int = Field(ge=1, description="Rises with every change.")
    legal_basis: str = Field(min_length=1, max_length=200, description="The provision that sets the periods.")
    unknown_at_most_days: Days = Field(description="Most days that a person of unknown category is kept.")
    categories: dict[DataSubjectCategory, Period] = Field(description="Periods by category, all but 'unknown'.")
    sensitivities: dict[Sensitivity, Period] = Field(
        description="Periods by sensitivity; the shorter of both counts. 'minor_victim' must be there."
    )
    thing: Period = Field(description="Periods of what is about no single person.")

    @field_validator("categories")
    @classmethod
    def _every_category(cls, given: dict[DataSubjectCategory, Period]) -> dict[DataSubjectCategory, Period]:
        wanted = set(DataSubjectCategory) - {DataSubjectCategory.UNKNOWN}
        if set(given) != wanted:
            raise ValueError("every category but 'unknown' needs its periods, and 'unknown' has its own key")
        suspects = given[DataSubjectCategory.SUSPECT]
        if any(given[category].retain_for >= suspects.retain_for for category in _SHORTER):
            raise ValueError("witnesses and contacts must be kept for a shorter time than suspects")
        return given

    @field_validator("sensitivities")
    @classmethod
    def _minors_are_named(cls, given: dict[Sensitivity, Period]) -> dict[Sensitivity, Period]:
        if Sensitivity.MINOR_VICTIM not in given or Sensitivity.NORMAL in given:
            raise ValueError("'minor_victim' needs its periods, and 'normal' has none of its own")
        return given

    @model_validator(mode="after")
    def _minors_are_kept_shorter(self) -> "RetentionPolicy":
        victims = self.categories[DataSubjectCategory.VICTIM_CONFIRMED]
        if self.sensitivities[Sensitivity.MINOR_VICTIM].retain_for >= victims.retain_for:
            raise ValueError("minor victims must be kept for a shorter time than other victims")
        return self

    def period(self, subject: DataSubjectCategory | None, sensitivity: Sensitivity) -> Period:
        """Return how long a row is kept: the shorter of what category and sensitivity say.

        Args:
            subject: The category of the person that the row is about; None for a thing.
            sensitivity: Of the row.
        """
        base = self._of(subject)
        limit = self.sensitivities.get(sensitivity, base)
        retain_for = min(base.retain_for, limit.retain_for)
        return Period(review_after=min(base.review_after, limit.review_after, retain_for), retain_for=retain_for)

    def _of(self, subject: DataSubjectCategory | None) -> Period:
        if subject is None:
            return self.thing
        if subject is DataSubjectCategory.UNKNOWN:
            # Half-way somebody must decide what the person is: the alternative is erasure.
            half = max(1, self.unknown_at_most_days // 2)
            return Period(review_after=half, retain_for=self.unknown_at_most_days)
        return self.categories[subject]

    def rule_name(self, subject: DataSubjectCategory | None, sensitivity: Sensitivity) -> str:
        """Return what the erasure ledger calls the rule: country, version, category and sensitivity."""
        about = THING if subject is None else subject.value
        return f"{self.country.value} policy {self.version}: {about}, {sensitivity.value}"
