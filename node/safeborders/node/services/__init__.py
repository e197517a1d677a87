"""Use cases of investigators and operators."""
