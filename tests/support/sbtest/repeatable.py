"""The same examples in every run, and no verdict by the clock: a test fails for the code's sake or not at all.

``--hypothesis-profile=default`` looks for new examples instead.
"""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")
