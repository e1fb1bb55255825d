"""The program that calls: its key, what it may do, whose orders it sees."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest

from ris_core.access.errors import ScopeMissing
from ris_core.access.models import ApiKey
from ris_core.access.scopes import Scope
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor
from ris_core.errors import QuangError
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.sight.seeing import exams_within


@dataclass(slots=True)
class Caller:
    """Who calls, and what the request turned out to be about."""

    key: ApiKey
    address: str
    patient_id: int | None = None
    """Whose data were read; for the audit trail."""
    refusal: QuangError | None = None
    """Why the request was refused; for the inbox."""

    @property
    def actor(self) -> Actor:
        """As the audit trail names it: in whose name, with which key."""
        return Actor(f"{self.key.sender} [{self.key.prefix}]"[:128], address=self.address, kind=ActorKind.API_KEY)

    @property
    def source(self) -> str:
        """Of the orders that it places: the same as of its system's HL7 messages (``MSH-3|MSH-4``)."""
        return self.key.sender

    @property
    def facility(self) -> str:
        """Who issued a number that names no issuer."""
        return self.key.sender.partition("|")[2]

    def require(self, scope: Scope) -> None:
        """:raises ScopeMissing: when the key was not made for this"""
        if scope not in self.key.scopes:
            raise ScopeMissing(f"the API key lacks the scope {scope}", field="Authorization")

    def visible_orders(self) -> QuerySet[RequestedProcedure]:
        """The orders that it may read."""
        everything = exams_within(RequestedProcedure.objects.all(), self.key.limits)
        return everything if self.key.sees_all_senders else everything.filter(source=self.source)

    def visible_patients(self) -> QuerySet[Patient]:
        """The patients that it may read: all, or those of the orders that a limited key sees."""
        everything = Patient.objects.all()
        return everything.filter(pk__in=self.visible_orders().values("patient_id")) if self.key.limits else everything


class ApiRequest(HttpRequest):
    """A request that came through the door (:mod:`ris_webapp.api.door`)."""

    caller: Caller
    json: object
    """The body, checked."""


class Scoped:
    """What an operation needs: ``auth=Scoped(Scope.ORDERS_READ)``; an operation that says nothing is closed."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __call__(self, request: ApiRequest) -> Caller:
        request.caller.require(self.scope)
        return request.caller


def closed(request: HttpRequest) -> None:
    """For operations that do not say which scope they need: nobody may call them."""
    raise ScopeMissing("this operation does not say who may call it")
