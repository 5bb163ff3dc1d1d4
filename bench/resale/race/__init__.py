"""Probes for races: many clients at once against any deployment of the shop's API.

HTTP only, so that a probe tells of whatever stands behind a URL.
"""

from __future__ import annotations
