"""Time stamps (RFC 3161) from the authority that an administrator named on a screen: its answer is bounded, and the
address leads neither to this machine nor to a metadata service, whatever its name says (SSRF)."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from asn1crypto import tsp
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError

from ris_core.errors import QuangError
from ris_core.webhooks.rules import address_of, refuse_inner_address
from ris_core.webhooks.sending import Bounds, ask

_HEADERS: Final = {"Content-Type": "application/timestamp-query"}
_ANSWER: Final = "application/timestamp-reply"
_MOST_BYTES: Final = 1024 * 1024


def refuse_inner_authority(url: str, inner_hosts: Collection[str]) -> None:
    """What can be told of an authority's address without asking for its name.

    :raises InvalidValue: it is no address of a web server
    :raises AddressRefused: it is one of this machine or of no network
    """
    host = address_of(url).host
    try:
        resolved = str(ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        return  # a name: looked at whenever it is asked
    refuse_inner_address(host, resolved, inner_hosts)


class BoundedTimeStamper(TimeStamper):
    """Asks an authority over HTTP or HTTPS; redirections are not followed.

    :param inner_hosts: hosts that may be on this machine
    """

    def __init__(self, url: str, inner_hosts: Collection[str], timeout_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._address = address_of(url)
        self._bounds = Bounds(inner_hosts, timeout_seconds, _MOST_BYTES)

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """:raises TimestampRequestError: there is no time stamp in its answer"""
        try:
            answer = await to_thread(ask, self._address, _HEADERS, req.dump(), self._bounds)
        except QuangError as error:
            raise TimestampRequestError(f"the authority is not asked ({error.code})") from error
        if answer.status != 200 or answer.content_type != _ANSWER:
            raise TimestampRequestError(f"the authority answered {answer.status}, no time stamp")
        return tsp.TimeStampResp.load(answer.content)
