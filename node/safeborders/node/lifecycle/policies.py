"""The national retention policy that a profile names; in earnest no node works without one."""

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.configs.retention import RetentionPolicy
from safeborders.kit.errors import SettingsError


def load_policy(settings: NodeSettings) -> RetentionPolicy | None:
    """Return the country's retention policy; None in a demonstration without one, where the source's dates count.

    Raises:
        SettingsError: If the profile names none and is no demonstration's, the file cannot be used, or it is another
            country's.
    """
    if settings.retention_policy is None:
        if settings.is_demonstration:
            return None
        raise SettingsError(
            "The profile names no 'retention_policy', and the law sets no default: add your country's file "
            "(configs/policies has an example)."
        )
    policy = load_settings(settings.retention_policy, RetentionPolicy)
    if policy.country is not settings.country:
        raise SettingsError(
            f"The retention policy is of {policy.country.value}: name that of {settings.country.value}."
        )
    return policy
