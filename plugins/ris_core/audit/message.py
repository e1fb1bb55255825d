"""An audit event as a message of DICOM PS3.15 A.5 (2025), in the syslog frame of RFC 5424 and RFC 5425.

Patients are named by their number only: an audit repository needs to tell them apart, not to know them.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from ris_core.audit.kinds import QUERY, Code, action_letter, event_code

OWN_SCHEME: Final = "99QUANG"
_FACILITY: Final = 10
"""security/authorization messages (RFC 5424 6.2.1), as IHE ITI-20 asks."""
_NOTICE, _WARNING = 5, 4
_MESSAGE_ID: Final = "DICOM+RFC3881"


@dataclass(frozen=True, slots=True)
class Source:
    """Who reports."""

    site: str
    """AuditEnterpriseSiteID."""
    name: str
    """AuditSourceID, and the host of the frame."""


def audit_message(facts: Mapping[str, Any], source: Source, patient_number: str = "", study_uid: str = "") -> bytes:
    """The AuditMessage of a sealed event, in UTF-8, all in one line: syslog servers write a line break as ``#012``.

    :param facts: as its line tells them (:func:`ris_core.audit.sealing.facts_of`)
    """
    code = event_code(str(facts["action"]))
    message = ET.Element("AuditMessage")
    event = ET.SubElement(
        message,
        "EventIdentification",
        EventActionCode=action_letter(str(facts["action"])),
        EventDateTime=str(facts["at"]),
        EventOutcomeIndicator="0" if facts["success"] else "4",
    )
    _coded(event, "EventID", code)
    _coded(event, "EventTypeCode", Code(str(facts["action"]), str(facts["action"]), OWN_SCHEME))
    if facts["reason"]:
        ET.SubElement(event, "EventOutcomeDescription").text = _plain(str(facts["reason"]))
    actor = ET.SubElement(message, "ActiveParticipant", UserID=_plain(str(facts["actor"])), UserIsRequestor="true")
    if facts["user"] is not None:
        actor.set("AlternativeUserID", f"user:{facts['user']}")
    if facts["address"]:
        actor.set("NetworkAccessPointID", _plain(str(facts["address"])))
        actor.set("NetworkAccessPointTypeCode", "2" if _is_ip(str(facts["address"])) else "1")
    if facts["role"]:
        _coded(actor, "RoleIDCode", Code(str(facts["role"]), str(facts["role"]), OWN_SCHEME))
    reporter = ET.SubElement(message, "AuditSourceIdentification", AuditSourceID=_plain(source.name))
    reporter.set("AuditEnterpriseSiteID", _plain(source.site))
    ET.SubElement(reporter, "AuditSourceTypeCode", {"csd-code": "4"})
    if patient_number:
        person = _object(message, patient_number, Code("2", "Patient Number", "RFC-3881"), kind="1", role="1")
        ET.SubElement(person, "ParticipantObjectName").text = _plain(patient_number)
    if study_uid:
        study = _object(message, study_uid, Code("110180", "Study Instance UID"), kind="2", role="3")
        ET.SubElement(study, "ParticipantObjectName").text = _plain(study_uid)
    subject = _object(
        message, str(facts["subject"]) or "none", Code("subject", "Subject", OWN_SCHEME),
        kind="4" if code is QUERY else "2", role="24" if code is QUERY else "13",
    )  # fmt: skip
    if code is QUERY:
        asked = json.dumps(facts["details"], ensure_ascii=False, sort_keys=True)
        ET.SubElement(subject, "ParticipantObjectQuery").text = b64encode(asked.encode()).decode()
    else:
        ET.SubElement(subject, "ParticipantObjectName").text = _plain(str(facts["subject"])) or "none"
    for name in ("sequence", "hash"):
        value = b64encode(str(facts[name]).encode()).decode()
        ET.SubElement(subject, "ParticipantObjectDetail", type=name, value=value)
    return f'<?xml version="1.0" encoding="UTF-8"?>{ET.tostring(message, encoding="unicode")}'.encode()


def syslog_frame(message: bytes, at: datetime, success: bool, source: Source, process: str) -> bytes:
    """The message in its frame, ready for the connection (RFC 5425 4.3): octets counted, UTF-8 marked by its BOM."""
    priority = _FACILITY * 8 + (_NOTICE if success else _WARNING)
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = "".join(character for character in source.name if 33 <= ord(character) <= 126)[:255] or "-"
    head = f"<{priority}>1 {stamp} {host} quang {process} {_MESSAGE_ID} - "
    framed = head.encode("ascii", "replace") + b"\xef\xbb\xbf" + message
    return b"%d %s" % (len(framed), framed)


def own_source(site: str) -> Source:
    """This machine."""
    return Source(site, socket.gethostname())


def _coded(parent: ET.Element, name: str, code: Code) -> None:
    ET.SubElement(parent, name, {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning})


def _object(message: ET.Element, key: str, kind_of_id: Code, *, kind: str, role: str) -> ET.Element:
    found = ET.SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_plain(key),
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    _coded(found, "ParticipantObjectIDTypeCode", kind_of_id)
    return found


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _plain(text: str) -> str:
    """Without what XML 1.0 cannot hold: no control character, no line break that a log reader could take for a line."""
    return "".join(
        character if character >= " " and not "\ud800" <= character <= "\udfff" else " " for character in text
    )
