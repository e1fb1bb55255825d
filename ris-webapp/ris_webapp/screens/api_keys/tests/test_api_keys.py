"""API keys on the screen: made and shown once, withdrawn, with their last use."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from ris_core.access.models import ApiKey
from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

HIS = {"name": "HIS", "sender": "HIS|BVQ", "scopes": ["orders:read", "orders:write"], "networks": "127.0.0.0/8"}


def test_a_key_is_shown_once_works_and_is_withdrawn() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    page = admin.post("/admin/api-keys/new/", HIS).content.decode()
    text = re.search(r'value="(qk_[^"]+)"', page)
    assert text is not None
    key = ApiKey.objects.get()
    assert (key.sender, key.scopes, key.networks) == ("HIS|BVQ", ["orders:read", "orders:write"], ["127.0.0.0/8"])
    headers = {"Authorization": f"Bearer {text[1]}"}
    assert Client().get("/api/v1/orders", headers=headers).status_code == 200
    shown = admin.get("/admin/api-keys/").content.decode()
    assert f"qk_{key.prefix}_…" in shown
    assert text[1] not in shown
    assert "127.0.0.1" in shown
    assert admin.post(f"/admin/api-keys/{key.pk}/revoke/").status_code == 302
    assert Client().get("/api/v1/orders", headers=headers).status_code == 401
    assert "Đã thu hồi" in admin.get("/admin/api-keys/").content.decode()
    actions = AuditEvent.objects.filter(action__startswith="api_key.").values_list("action", flat=True)
    assert list(actions) == ["api_key.created", "api_key.revoked"]
    assert admin.post(f"/admin/api-keys/{key.pk}/revoke/").status_code == 409


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("sender", "HIS"),
        ("sender", "|"),
        ("scopes", []),
        ("scopes", ["everything"]),
        ("networks", "10.0.0.0/99"),
        ("expires_at", "2020-01-01"),
        ("expires_at", "soon"),
    ],
)
def test_a_wrong_value_is_named_beside_its_field_and_nothing_is_made(field: str, value: object) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/api-keys/new/", {**HIS, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_key_is_limited_to_departments_on_the_screen_and_then_only_reads() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    limited = {**HIS, "departments": "Khoa Nội\r\n Khoa  Nhi \r\n", "modalities": "CT"}
    refused = admin.post("/admin/api-keys/new/", limited)
    assert (refused.status_code, "chỉ đọc được" in refused.content.decode()) == (422, True)
    long = admin.post("/admin/api-keys/new/", {**limited, "scopes": ["orders:read"], "rooms": "x" * 300})
    assert 'id="rooms-error"' in long.content.decode()
    assert admin.post("/admin/api-keys/new/", {**limited, "scopes": ["orders:read"]}).status_code == 200
    assert ApiKey.objects.get().limits == {"departments": ["Khoa Nhi", "Khoa Nội"], "modalities": ["CT"]}
    assert "Khoa Nhi, Khoa Nội" in admin.get("/admin/api-keys/").content.decode()
