"""A user of the RIS at the other end of HTTP: what their browser sends, without the browser."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import requests

_CSRF_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class RefusedByRis(Exception):
    """The RIS answered with an error; carries the status and the body's beginning."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"{response.request.method} {response.url}: {response.status_code} {response.text[:300]}")
        self.status = response.status_code


class RisUser:
    """One logged-in user.

    :param public_url: the front door, without a slash at the end
    """

    def __init__(self, public_url: str, username: str, password: str, *, timeout_seconds: float = 20.0) -> None:
        self.public_url = public_url
        self.timeout_seconds = timeout_seconds
        self.session = requests.Session()
        token = _CSRF_FIELD.search(self._get("/login/").text)
        if token is None:
            raise AssertionError("the login page has no CSRF token")
        answer = self.session.post(
            f"{public_url}/login/",
            data={"username": username, "password": password, "csrfmiddlewaretoken": token.group(1)},
            headers={"Referer": f"{public_url}/login/"},
            timeout=timeout_seconds,
            allow_redirects=False,
        )
        if answer.status_code != 302:
            raise RefusedByRis(answer)

    def exam_id(self, search: str) -> int | None:
        """The exam that a search of the worklist over all dates finds; none when it finds none.

        :raises AssertionError: when it finds several
        """
        found = set(re.findall(r"/exams/(\d+)/", self._get("/", q=search, date="all").text))
        assert len(found) <= 1, f"several exams: {sorted(found)}"
        return int(found.pop()) if found else None

    def wait_for_exam(self, search: str, timeout_seconds: float = 10.0) -> int:
        """:meth:`exam_id`, waiting for it. :raises TimeoutError: it did not appear"""
        deadline = time.monotonic() + timeout_seconds
        while (found := self.exam_id(search)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no exam on the worklist after {timeout_seconds} s")
            time.sleep(0.05)
        return found

    def status(self, exam_id: int) -> dict[str, Any]:
        """What the reading page knows of the exam now."""
        answer: dict[str, Any] = self._get(f"/exams/{exam_id}/status").json()
        return answer

    def wait_for_images(self, exam_id: int, instances: int, timeout_seconds: float = 60.0) -> dict[str, Any]:
        """The status once the exam has ``instances`` images and may be claimed.

        :raises TimeoutError: they did not come in time
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            status = self.status(exam_id)
            if status["images"]["instances"] >= instances and status["rights"]["claim"]:
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(f"{status['images']} after {timeout_seconds} s")
            time.sleep(0.2)

    def open_reading_page(self, exam_id: int) -> str:
        """The page's HTML; the session now has the cookies that let the viewer load the exam's images."""
        return self._get(f"/exams/{exam_id}/").text

    def act(self, exam_id: int, action: str, **body: Any) -> dict[str, Any]:
        """One action of the reading page: ``claim``, ``draft``, ``template``, ``approve`` …"""
        token = self.status(exam_id)["csrf"]
        response = self.session.post(
            f"{self.public_url}/exams/{exam_id}/{action}",
            data=json.dumps(body),
            headers={"Content-Type": "application/json", "X-CSRFToken": token, "Referer": self.public_url + "/"},
            timeout=self.timeout_seconds,
            allow_redirects=False,
        )
        if response.status_code != 200:
            raise RefusedByRis(response)
        answer: dict[str, Any] = response.json()
        return answer

    def report(self, exam_id: int, **sections: str) -> int:
        """Claim, type, approve as final; the number of the approved version."""
        revision = self.act(exam_id, "claim")["revision"]
        revision = self.act(exam_id, "draft", revision=revision, content=_content(sections))["revision"]
        version: int = self.act(exam_id, "approve", revision=revision, status="F")["version"]
        return version

    def get(self, path: str) -> requests.Response:
        """Any other page, without following redirects."""
        return self.session.get(self.public_url + path, timeout=self.timeout_seconds, allow_redirects=False)

    def csrf(self, path: str) -> str:
        """The token of the forms on a page."""
        found = _CSRF_FIELD.search(self._get(path).text)
        assert found is not None, f"{path} has no form"
        return found.group(1)

    def _get(self, path: str, **query: str) -> requests.Response:
        response = self.session.get(
            self.public_url + path, params=query, timeout=self.timeout_seconds, allow_redirects=False
        )
        if response.status_code != 200:
            raise RefusedByRis(response)
        return response


def _content(sections: dict[str, str]) -> dict[str, Any]:
    """A report of these texts, by section."""
    return {"sections": [{"code": code, "blocks": [{"type": "text", "text": text}]} for code, text in sections.items()]}


def log_in(suite_url: str, logins: dict[str, Any], role: str) -> RisUser:
    """The first of the demo's users who has ``role``."""
    login = next(login for login in logins["logins"] if login["role"] == role)
    return RisUser(suite_url, login["username"], login["password"])
