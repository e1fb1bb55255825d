"""argon2 as in production, for unit tests with the least that it can be asked to cost: they make thousands of users."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """The same algorithm and the same form of a hash."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
