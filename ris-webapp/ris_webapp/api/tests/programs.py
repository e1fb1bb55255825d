"""Programs of other systems, for the tests of REST and FHIR."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.test import Client

from ris_core.access.api_keys import ApiKeyRequest, create_api_key
from ris_core.access.scopes import Scope
from ris_core.audit.services import SYSTEM

_serial = itertools.count(1)


def unique(prefix: str) -> str:
    """A number that nothing else in the tests has."""
    return f"{prefix}{secrets.token_hex(3).upper()}{next(_serial):04d}"


class Program:
    """A program with a key of its own."""

    def __init__(self, scopes: Iterable[Scope] = tuple(Scope), sender: str = "HIS|BVQ", **key: Any) -> None:
        self.key, self.text = create_api_key(
            ApiKeyRequest(name="HIS", sender=sender, scopes=frozenset(scopes), **key), SYSTEM
        )
        self.client = Client()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> HttpResponse:
        """One request; ``headers`` in their own spelling with underscores (``Idempotency_Key``)."""
        sent = {"Authorization": f"Bearer {self.text}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        content_type = sent.pop("Content-Type", "application/json")
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer: HttpResponse = self.client.generic(method, path, data, content_type, headers=sent)  # type: ignore[assignment]
        return answer

    def get(self, path: str) -> Any:
        """The JSON of a page that is there."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def place(self, **values: Any) -> dict[str, Any]:
        """The answer to an order that is taken."""
        answer = self.call("POST", "/api/v1/orders", an_order(**values))
        assert answer.status_code == 201, answer.content
        found: dict[str, Any] = json.loads(answer.content)
        return found


def a_patient(**values: Any) -> dict[str, Any]:
    """A patient as a program sends one."""
    number = unique("BN")
    return {
        "identifiers": [{"value": number}, {"value": f"001{number}", "kind": "NI"}],
        "full_name": "NGUYỄN THỊ ĐÀO",
        "birth_date": "1980-11-21",
        "sex": "F",
        **values,
    }


def an_order(**values: Any) -> dict[str, Any]:
    """A CT order as a program sends one."""
    return {
        "placer_order_number": unique("PL"),
        "patient": a_patient(),
        "service": {"code": "CT.SONAO", "coding_system": "BVQ", "name": "Chụp CLVT sọ não"},
        "modality": "CT",
        "accession_number": unique("AC"),
        "priority": "ROUTINE",
        "scheduled_at": "2026-11-22T08:30:00+07:00",
        "clinical_indication": "Đau đầu, chóng mặt",
        **values,
    }
