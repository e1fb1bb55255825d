"""Every parameter of every address with what no page of ours sends: refused or taken for nothing, never a fault."""

from __future__ import annotations

from itertools import chain
from typing import Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ris_core.accounts.rules import Function
from ris_webapp.api import door
from ris_webapp.tests.address_table import ADDRESSES, parameters_of
from ris_webapp.tests.people import a_role, client_as
from ris_webapp.tests.things import Things

pytestmark = pytest.mark.django_db

HOSTILE: Final = {
    "words": """"><script>alert(1)</script>{{7*7}}{%x%}' OR 1=1; DROP TABLE x; -- %_*\\../../../etc/passwd""",
    "number": "9" * 30,
    "characters": "a\r\nSet-Cookie: x=1\r\n\r\nb\u2028\x1b[31m\x7f\ufffe\U0010ffff\u202e٣",
}


def _faults(client: Client, things: Things, method: str, value: str) -> list[str]:
    faults = []
    for address in ADDRESSES.values():
        if method in address.methods and address.name != "login:logout":
            send = client.get if method == "GET" else client.post
            answer = send(things.path(address.name), dict.fromkeys(parameters_of(address.name), value))
            told = answer.status_code
            head = str(dict(answer.headers))
            if (told >= 500 and told not in (502, 503)) or "Set-Cookie: x=1" in head:
                faults.append(f"{address.name} {told}")
            elif "text/html" in head and "<script>alert(1)" in answer.content.decode():
                faults.append(f"{address.name} is markup")
    return faults


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_parameter_of_any_address_makes_a_fault(kind: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(set(chain.from_iterable(map(parameters_of, ADDRESSES)))) > 100
    monkeypatch.setattr(door.limit, "take", lambda *_: None)
    client, things = client_as(a_role(*Function)), Things()
    client.raise_request_exception = False
    assert _faults(client, things, method, HOSTILE[kind]) == []


DEEP: Final = b'{"content":' * 20_000
FILES: Final = {
    "deep": DEEP,
    "entities": b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><svg xmlns="http://www.w3.org/2000/svg">&d;</svg>',
    "zip": b"PK\x03\x04" + b"\xff" * 200,
}


@pytest.mark.once  # no body reaches a database before it is read
@pytest.mark.parametrize("kind", FILES)
def test_no_body_and_no_file_of_any_address_makes_a_fault(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.limit, "take", lambda *_: None)
    client, things = client_as(a_role(*Function)), Things()
    client.raise_request_exception = False
    faults = []
    for address in ADDRESSES.values():
        if "POST" not in address.methods or address.name == "login:logout":
            continue
        path, content = things.path(address.name), FILES[kind]
        names = dict.fromkeys(parameters_of(address.name), "[" * 5_000)
        file = SimpleUploadedFile("x.json", content)
        for answer in (
            client.post(path, content, content_type="application/json"),
            client.post(path, {**names, **dict.fromkeys(("file", "files", "picture", "archive", "pdf"), file)}),
        ):
            if answer.status_code >= 500 and answer.status_code not in (502, 503):
                faults.append(f"{address.name} {answer.status_code}")
    assert faults == []
