"""Every column that is sealed, on one list: what rotation seals anew and what says whether a key is still needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from ris_core.sealing.fields import Sealed
from ris_core.sealing.values import opened, seal


@dataclass(frozen=True)
class SealedColumn:
    """One column."""

    model: type[models.Model]
    column: str
    anew: Callable[[Any], Any]
    """What the column of a row shall hold: given the row as the ORM reads it."""

    @property
    def name(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"


def sealed_columns() -> Iterator[SealedColumn]:
    """All of them: fields that seal by themselves, and secrets that are sealed for whoever they belong to."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, Sealed):
                yield SealedColumn(model, str(field.column), field.stored_of)
    for name, column, purpose in _SECRETS:
        yield SealedColumn(apps.get_model(name), column, _resealed(column, purpose))


def _resealed(column: str, purpose: Callable[[Any], str]) -> Callable[[Any], bytes]:
    def anew(row: Any) -> bytes:
        return seal(opened(bytes(getattr(row, column)), purpose(row)), purpose(row))

    return anew


_SECRETS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("signatures.SigningCredential", "sealed_container", lambda row: f"{row.uid} container"),
    ("signatures.UnlockedCredential", "sealed_secret", lambda row: f"{row.credential.uid} secret"),
    ("second_factors.OneTimePassword", "sealed_secret", lambda row: f"user {row.user_id} one-time passwords"),
)
"""Model, column, and what its values are sealed for, as where they are sealed."""
