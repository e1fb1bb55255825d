"""Columns whose values are sealed in the database and plain everywhere else.

>>> phone = SealedTextField(blank=True)                # cannot be searched
>>> phone_key = FindableField(max_length=400, db_index=True)   # found by ``filter(phone_key="0901234567")``

Rows that were written plainly are read as they are, until they are sealed (:mod:`.rotation`). What is empty stays so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.lookups import Exact, In

from ris_core.sealing.values import findable, findable_forms, is_sealed, open_text, opened, seal, seal_text

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class Sealed(_Field):
    """What sealed columns have in common."""

    @property
    def purpose(self) -> str:
        """What its values are sealed for: table and column."""
        return f"{self.model._meta.db_table}.{self.column}"

    def stored(self, value: Any) -> Any:
        """``value`` as the driver takes it, sealed by the present key."""
        raise NotImplementedError

    def shown(self, stored: Any) -> Any:
        """What :meth:`stored` has sealed."""
        raise NotImplementedError

    def stored_of(self, instance: models.Model) -> Any:
        """What is written for this column of ``instance``."""
        return self.stored(getattr(instance, self.attname))

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return self._for_driver(self.stored(value), connection)

    def _for_driver(self, stored: Any, connection: Any) -> Any:
        return stored

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Any:
        return value if value is None else self.shown(value)


class SealedTextField(Sealed, models.TextField):  # type: ignore[type-arg]
    """Text that nothing can be looked for in."""

    def stored(self, value: Any) -> Any:
        return seal_text(str(value), self.purpose) if value else value

    def shown(self, stored: Any) -> Any:
        return open_text(stored, self.purpose) if is_sealed(stored) else stored


class SealedJSONField(SealedTextField):
    """A structure of lists, dictionaries, text and numbers."""

    def stored(self, value: Any) -> Any:
        return super().stored(json.dumps(value, ensure_ascii=False))

    def shown(self, stored: Any) -> Any:
        return json.loads(super().shown(stored))


class SealedBinaryField(Sealed, models.BinaryField):  # type: ignore[type-arg]
    """Bytes."""

    def stored(self, value: Any) -> Any:
        return seal(bytes(value), self.purpose) if value else value

    def shown(self, stored: Any) -> Any:
        content = bytes(stored)
        return opened(content, self.purpose) if is_sealed(content) else content

    def _for_driver(self, stored: Any, connection: Any) -> Any:
        return connection.Database.Binary(stored)


class _Stored(str):
    """Text as it shall stand in the database."""

    __slots__ = ()


class FindableField(Sealed, models.CharField):  # type: ignore[type-arg]
    """Text that is looked up as a whole (``exact``, ``in``); parts of it are not found where it is sealed.

    ``max_length`` is that of the sealed text: 52 characters and twice as many as the plain one has bytes.
    """

    def seals(self, instance: models.Model) -> bool:
        """Whether the value of this row is sealed; a plain one that looks sealed is, so that none can pretend."""
        return True

    def stored(self, value: Any) -> Any:
        return str(value) if isinstance(value, _Stored) or not value else findable(str(value), self.purpose)

    def shown(self, stored: Any) -> Any:
        return open_text(stored, self.purpose) if is_sealed(stored) else stored

    def forms(self, value: str) -> list[str]:
        """How ``value`` may stand in the database: sealed by each key, the present one first, or plainly."""
        return [*findable_forms(value, self.purpose), value] if value else [value]

    def stored_of(self, instance: models.Model) -> Any:
        value = getattr(instance, self.attname)
        return self.stored(value) if self.seals(instance) or is_sealed(value) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        return value if value is None or hasattr(value, "as_sql") else _Stored(self.stored_of(model_instance))


@FindableField.register_lookup
class _FindableExact(Exact):
    """The value, in whichever form it stands there."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs_is_direct_value() or not isinstance(self.lhs.output_field, FindableField):
            return super().as_sql(compiler, connection)
        return In(self.lhs, self.lhs.output_field.forms(str(self.rhs))).as_sql(compiler, connection)


@FindableField.register_lookup
class _FindableIn(In):
    """One of the values, in whichever form it stands there."""

    def get_prep_lookup(self) -> Any:
        wanted = super().get_prep_lookup()
        field = self.lhs.output_field
        if hasattr(wanted, "resolve_expression") or not isinstance(field, FindableField):
            return wanted
        forms: list[Any] = []
        for value in wanted:
            forms.extend(field.forms(value) if isinstance(value, str) else [value])
        return forms
