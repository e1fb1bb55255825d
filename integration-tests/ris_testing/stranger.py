"""Somebody with the link of an anonymous share, who keeps whatever they are given, and searches it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import requests

from ris_testing.traces import Identity, traces_in_answer, uids_in


class Stranger:
    """Without an account, in a browser of their own.

    :param known: of whom nothing may be in any answer
    :param uids: of the images themselves, which may be in none either
    """

    def __init__(self, public_url: str, known: Identity, uids: frozenset[str] = frozenset()) -> None:
        self.session, self._url, self._known, self._uids = requests.Session(), public_url, known, uids
        self.page = ""
        self.looked_at = 0
        """Bytes."""

    def open(self, link: str) -> None:
        secret = link.partition("#")[2]
        self.session.headers["Referer"] = self._url + "/share/"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/share/").text)
        headers = {"X-CSRFToken": token[1]} if token else {}
        answer = self.session.post(self._url + "/share/open", {"link": secret}, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        self.page = answer.json()["to"]

    def get(self, path: str, accept: str = "*/*") -> requests.Response:
        """What is answered, without a trace of the patient in it."""
        answer = self.try_to_get(path, accept)
        assert answer.ok, (path, answer.status_code)
        return answer

    def try_to_get(self, path: str, accept: str = "*/*") -> requests.Response:
        """The same, also where it is refused: refusals may tell something too."""
        answer = self.session.get(self._url + path, headers={"Accept": accept}, timeout=60)
        for each in (*answer.history, answer):
            told = str(each.headers).encode() + each.url.encode()
            assert traces_in_answer(self._known, told, each.content) == [], path
            assert not self._uids & uids_in(told + each.content), path
            self.looked_at += len(each.content)
        return answer

    def everything_below(self, study_uid: str) -> Iterator[requests.Response]:
        """Each kind of request for a study's images, one after the other; the files come last of each image."""
        study = f"/dicom-web/studies/{study_uid}"
        json = "application/dicom+json"
        self.get(f"/dicom-web/studies?StudyInstanceUID={study_uid}", json)
        for path in ("metadata", "instances", "thumbnail", "rendered"):
            self.try_to_get(f"{study}/{path}", json if path in ("metadata", "instances") else "image/jpeg")
        self.try_to_get(f"/studies/{study_uid}/archive")
        for series in self.get(f"{study}/series", json).json():
            below = f"{study}/series/{_uid(series, '0020000E')}"
            self.try_to_get(f"{below}/thumbnail", "image/jpeg")
            for instance in self.get(f"{below}/metadata", json).json():
                sop = _uid(instance, "00080018")
                at = f"{below}/instances/{sop}"
                for address in _bulk_addresses(instance):
                    self.try_to_get(f"{at}/bulk/{address}", 'multipart/related; type="application/octet-stream"')
                if "00280010" in instance:
                    self.try_to_get(f"{at}/frames/1", 'multipart/related; type="application/octet-stream"')
                    self.try_to_get(f"{at}/rendered", "image/jpeg")
                    self.try_to_get(f"{at}/thumbnail", "image/jpeg")
                series_uid = _uid(series, "0020000E")
                self.try_to_get(
                    f"/wado?requestType=WADO&studyUID={study_uid}&seriesUID={series_uid}&objectUID={sop}"
                    "&contentType=application/dicom"
                )
                yield self.get(at, 'multipart/related; type="application/dicom"; transfer-syntax=*')


def file_in(answer: requests.Response) -> bytes:
    """The DICOM file within a multipart answer of one part."""
    return answer.content.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]


def _uid(found: dict[str, dict[str, list[str]]], tag: str) -> str:
    return found[tag]["Value"][0]


def _bulk_addresses(instance: dict[str, dict[str, str]]) -> list[str]:
    """Tags of what the metadata gives by address; pixels are fetched as frames."""
    return [tag for tag, element in instance.items() if "BulkDataURI" in element and tag != "7FE00010"]
