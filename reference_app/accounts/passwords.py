"""Hash and check passwords with Argon2id, in threads.

One hash takes about 20 ms and 19 MiB on purpose; the number of threads bounds the load of many
logins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from reference_app.errors import TooManyRequests

T = TypeVar("T")

# OWASP Password Storage Cheat Sheet, Argon2id: m=19456 (19 MiB), t=2, p=1.
MEMORY_KIB, PASSES, PARALLELISM = 19_456, 2, 1
# The hash of a random password: unknown addresses take as long as wrong passwords.
UNKNOWN_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$pW7lUKmia06vl+zV8Qsm9w$"
    "eq2zao+q7Os7PwAF71SHKOFGQDS4pf3/FImGXIKDsaw"
)

_hasher = PasswordHasher(
    time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=PARALLELISM, type=Type.ID
)


def hash_password(password: str) -> str:
    """The hash of a password in the PHC format, which says its own parameters."""
    return _hasher.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Whether a password belongs to a stored hash; None takes as long."""
    try:
        return _hasher.verify(stored or UNKNOWN_HASH, password) and stored is not None
    except InvalidHashError:
        return is_password(None, password)
    except Argon2Error:
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than are used now."""
    return _hasher.check_needs_rehash(stored)


class Passwords:
    """Hashes and checks in `threads` threads; `most_waiting` may wait for one."""

    def __init__(self, *, threads: int = 2, most_waiting: int = 64) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._most = threads + most_waiting
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """The hash of a password."""
        return await self._run(lambda: hash_password(password))

    async def check(self, stored: str | None, password: str) -> bool:
        """Whether a password belongs to a stored hash."""
        return await self._run(lambda: is_password(stored, password))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._most:
            raise TooManyRequests("Too many passwords are being checked; try again in a moment.", 1)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)
