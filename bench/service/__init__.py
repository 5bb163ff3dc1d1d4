"""Benchmarks of the served shop: processes, sockets and clocks. Run as `python -m`.

They start servers on copies of a database and look at them from outside: over
HTTP, and at the file once nobody serves it.
"""

from __future__ import annotations
