"""XAdES (ETSI EN 319 132-1, level B-B): the structured result signed, with the signature inside it."""

from __future__ import annotations

import asyncio
from typing import Any

from asn1crypto import pem
from lxml import etree
from pyhanko.sign.signers import Signer
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

from ris_core.signatures.errors import CredentialUnusable
from ris_core.signatures.signers import certificate_of
from ris_core.signatures.structured import parse_bounded

_DIGEST = "sha256"
_ALGORITHMS = {"rsa": "rsa-sha256", "ec": "ecdsa-sha256"}


class _Key:
    """A signer as signxml wants a private key: it signs bytes, wherever the key lies."""

    def __init__(self, signer: Signer, key_size: int) -> None:
        self._signer = signer
        self.key_size = key_size
        """In bits; signxml takes the lengths of r and s from it."""

    def sign(self, data: bytes, *_algorithm: Any, **_algorithms: Any) -> bytes:
        return asyncio.run(self._signer.async_sign_raw(data, _DIGEST))


def sign_xml(data: bytes, signer: Signer) -> bytes:
    """The XML in ``data`` with an enveloped signature.

    :raises CredentialUnusable: the key is of a kind that no XML signature is made with
    """
    certificate = certificate_of(signer)
    algorithm = _ALGORITHMS.get(certificate.public_key.algorithm)
    if algorithm is None:
        raise CredentialUnusable("results in XML are signed with RSA or elliptic-curve keys", field="certificate")
    made = XAdESSigner(
        signature_algorithm=algorithm,
        digest_algorithm=_DIGEST,
        c14n_algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        data_object_format=XAdESDataObjectFormat(Description="Kết quả chẩn đoán hình ảnh", MimeType="text/xml"),
    ).sign(
        parse_bounded(data),
        key=_Key(signer, certificate.public_key.bit_size),  # type: ignore[arg-type]  # it asks for no more than sign()
        cert=[_pem(certificate.dump())],
        always_add_key_value=False,
    )
    return bytes(etree.tostring(made, xml_declaration=True, encoding="UTF-8"))


def _pem(der: bytes) -> str:
    return str(pem.armor("CERTIFICATE", der).decode())
