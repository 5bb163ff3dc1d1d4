"""Probes for races: many clients at once against any deployment of the shop's API.

Room race: HTTP only. Nothing of the reference application, no database file and no
statistics may enter, so that a probe tells of whatever stands behind a URL.
"""

from __future__ import annotations
