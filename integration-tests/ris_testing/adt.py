"""What a HIS says of patients by ADT, written by hand as orders are (:mod:`ris_testing.orders`)."""

from __future__ import annotations

from datetime import datetime

from ris_testing.orders import VIETNAM, Order, unique

_DIGITS_AS_LETTERS = str.maketrans("0123456789", "GHIJKLMNOP")


def a_given_name() -> str:
    """A name nobody else has, of letters only: search takes a word with digits for a number."""
    return unique("N").translate(_DIGITS_AS_LETTERS)


def adt(event: str, *segments: str) -> bytes:
    """The message of trigger ``event`` with ``segments`` after EVN; UTF-8, segments ended by CR."""
    now = datetime.now(VIETNAM).strftime("%Y%m%d%H%M%S")
    header = f"MSH|^~\\&|HIS|BVQ|QUANG|RIS|{now}||ADT^{event}|{unique('M')}|P|2.5.1||||||UNICODE UTF-8"
    return "\r".join((header, f"EVN|{event}|{now}", *segments)).encode() + b"\r"


def pid(order: Order) -> str:
    """The patient of ``order``."""
    return f"PID|1||{order.patient_id}^^^BVQ^MR||{order.patient_name}||{order.birth_date}|{order.sex}"


def mrg(order: Order) -> str:
    """The patient of ``order`` as the one who goes."""
    return f"MRG|{order.patient_id}^^^BVQ^MR||||||{order.patient_name}"
