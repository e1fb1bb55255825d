"""A program of another system, with an API key that an administrator made on the screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import requests

from ris_testing.ris_user import RisUser

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_KEY = re.compile(r'value="(qk_[^"]+)"')


def make_api_key(administrator: RisUser, sender: str, scopes: Iterable[str]) -> str:
    """The text of a new key, from the page that shows it once."""
    address = f"{administrator.public_url}/admin/api-keys/new/"
    page = administrator.session.get(address, timeout=20).text
    token = _TOKEN.search(page)
    assert token is not None, "no form"
    fields = {"csrfmiddlewaretoken": token[1], "name": sender, "sender": sender, "scopes": list(scopes)}
    shown = administrator.session.post(address, data=fields, headers={"Referer": address}, timeout=20)
    key = _KEY.search(shown.text)
    assert key is not None, shown.status_code
    return key[1]


class Program:
    """Calls REST and FHIR through the front door."""

    def __init__(self, public_url: str, key: str, timeout_seconds: float = 30.0) -> None:
        self.public_url = public_url
        self.timeout_seconds = timeout_seconds
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """One request; header names with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(
            method, self.public_url + path, json=body, headers=named, timeout=self.timeout_seconds
        )

    def get(self, path: str) -> Any:
        """The JSON of what is there."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, path: str, holds: Callable[[Any], bool], timeout_seconds: float = 60.0) -> Any:
        """The JSON of ``path`` once it ``holds``. :raises TimeoutError: it did not come to hold"""
        deadline = time.monotonic() + timeout_seconds
        while not holds(found := self.get(path)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path}: {found}")
            time.sleep(0.1)
        return found
