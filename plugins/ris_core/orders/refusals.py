"""Orders of a kind that this site does not take: rules as data, edited on a screen."""

from __future__ import annotations

from dataclasses import asdict, fields

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.errors import OrderRefused
from ris_core.orders.models import RefusalRule
from ris_core.orders.rules import OrderRequest, RefusalConditions, refusing_rule
from ris_core.statements import Select

_NAMES = tuple(field.name for field in fields(RefusalConditions))

_rules_in_force = Select(RefusalRule.objects.filter(active=True).order_by("id").values_list(*_NAMES))


def expect_rules() -> None:
    """Send ahead what :func:`refuse_by_rule` reads."""
    _rules_in_force.expect()


def refuse_by_rule(order: OrderRequest, modality: str) -> None:
    """Make sure that no rule refuses ``order``.

    :param modality: of the planned service
    :raises OrderRefused: with the rule's reason
    """
    rules = [RefusalConditions(**dict(zip(_NAMES, row, strict=True))) for row in _rules_in_force.rows()]
    rule = refusing_rule(rules, order, modality) if rules else None
    if rule is not None:
        raise OrderRefused(f"not taken here: {rule.reason}", field="service_code")


@transaction.atomic
def save_rule(rule_id: int | None, conditions: RefusalConditions, active: bool, actor: Actor) -> RefusalRule:
    """Add a rule (``rule_id`` none) or replace one; rules are switched off, never deleted.

    :raises InvalidValue: without a reason, or with no condition: it would refuse every order
    :raises NotFound: no such rule
    """
    given = {name: str(value).strip() for name, value in asdict(conditions).items()}
    if not given["reason"]:
        raise InvalidValue("say why: the sender is told", field="reason")
    if not any(value for name, value in given.items() if name != "reason") or given["service_code"] == "*":
        raise InvalidValue("a rule without any condition would refuse every order", field="service_code")
    rule = RefusalRule() if rule_id is None else RefusalRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise NotFound("there is no such rule", field="rule")
    for name, value in given.items():
        setattr(rule, name, value)
    rule.active = active
    rule.save()
    record(actor, "refusal_rule.saved", subject=f"refusal_rule:{rule.pk}", active=active)
    return rule
