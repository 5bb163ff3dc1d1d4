"""What holds for all tests: properties are tried without a clock.

A machine that is busy for a moment must not fail a test, so no example has a deadline.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
