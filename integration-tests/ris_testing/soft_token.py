"""A PKCS#11 token in software (Debian's SoftHSM 2), with a signer's key in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pkcs11
from asn1crypto.x509 import Certificate

from ris_testing.certificate_authority import KeyAndCertificate

_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
TOKEN, PIN, LABEL = "bac-si", "13579", "ky-so"


def module() -> str:
    """The library; :raises FileNotFoundError: ``make setup-test`` has not been run"""
    for path in _MODULES:
        if Path(path).exists():
            return path
    raise FileNotFoundError("SoftHSM 2 is missing: run make setup-test")


def make_token(folder: Path, owner: KeyAndCertificate, configuration: Path | None = None) -> dict[str, str]:
    """A token with the key and certificate of ``owner``; what the environment must say to reach it."""
    (folder / "tokens").mkdir(parents=True)
    configuration = configuration or folder / "softhsm2.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {"SOFTHSM2_CONF": str(configuration)}
    key_file = folder / "key.pem"
    key_file.write_bytes(owner.key_pem)
    tool = ["softhsm2-util", "--module", module()]
    made = {**os.environ, **environment}
    subprocess.run(
        [*tool, "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "0000"],
        check=True, capture_output=True, env=made, timeout=30,
    )  # fmt: skip
    subprocess.run(
        [*tool, "--import", str(key_file), "--token", TOKEN, "--label", LABEL, "--id", "01", "--pin", PIN],
        check=True, capture_output=True, env=made, timeout=30,
    )  # fmt: skip
    key_file.unlink()
    os.environ.update(environment)
    with pkcs11.lib(module()).get_token(token_label=TOKEN).open(user_pin=PIN, rw=True) as session:
        certificate = Certificate.load(owner.der)
        session.create_object(
            {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                pkcs11.Attribute.TOKEN: True,
                pkcs11.Attribute.LABEL: LABEL,
                pkcs11.Attribute.ID: b"\x01",
                pkcs11.Attribute.SUBJECT: certificate.subject.dump(),
                pkcs11.Attribute.ISSUER: certificate.issuer.dump(),
                pkcs11.Attribute.SERIAL_NUMBER: certificate["tbs_certificate"]["serial_number"].dump(),
                pkcs11.Attribute.VALUE: owner.der,
            }
        )
    return environment
