"""Identifiers at rest: nothing of them in the database's bytes, found all the same, sealed anew under another key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.db import connection

from ris_core.audit.services import Actor
from ris_core.errors import SettingsInvalid
from ris_core.exam_search import index
from ris_core.exam_search.services import find_typed
from ris_core.identifiers import PatientIdentifier as Identifier
from ris_core.messages.models import InboundMessage
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import find_patient, record_patient
from ris_core.sealing.columns import sealed_columns
from ris_core.sealing.keys import SECRET, sealing_keys
from ris_core.sealing.rotation import keys_in_use, reseal, run_reseal
from ris_core.sealing.values import MARK, findable, is_sealed, open_text, opened, seal, seal_text
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db

CITIZEN, CARD, PHONE, ADDRESS = "001099987654", "DN4797912345678", "0908777666", "12 Phố Bí Mật"
WHO = Actor("test")


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's keys in a folder of this test."""
    for path in settings.QUANG.secrets_dir.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(settings, "QUANG", msgspec.structs.replace(settings.QUANG, secrets_dir=tmp_path))
    return tmp_path / SECRET


def a_patient() -> Patient:
    identifiers = (Identifier("BN77", "BVQ"), Identifier(CITIZEN, "VN", "NI"), Identifier(CARD, "VN", "HC"))
    details = PatientDetails(
        identifiers=identifiers, full_name="LÊ THỊ MẬT", dicom_name="LÊ^THỊ MẬT", birth_date="19990203", sex="F",
        phone=PHONE, address=ADDRESS,
    )  # fmt: skip
    return record_patient(details, WHO)[0]


def everything_stored() -> str:
    """All text and bytes of all tables, as the database has them."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            for row in cursor.fetchall():
                found.extend(
                    bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
                    for value in row
                )
    return "\n".join(found)


def sealed_by(column: str) -> dict[str, int]:
    return dict(keys_in_use().get(column, {}))


def test_national_numbers_telephone_and_address_are_nowhere_in_the_database() -> None:
    """G3: neither in the rows nor in the index nor beside messages; names and the hospital's own numbers are."""
    exam = an_exam()
    patient = a_patient()
    exam.patient.identifiers.all().delete()
    PatientIdentifier.objects.filter(patient=patient).update(patient=exam.patient)
    InboundMessage.objects.create(digest="0" * 64, raw=f"PID|||{CITIZEN}".encode(), received_at=exam.scheduled_at)
    stored = everything_stored()
    for secret in (CITIZEN, CARD, PHONE, ADDRESS, CARD.lower()):
        assert secret not in stored
    assert "BN77" in stored
    assert "MẬT" in stored
    assert not index.drifted()


def test_they_read_and_are_found_as_ever() -> None:
    patient = a_patient()
    patient.refresh_from_db()
    assert (patient.phone, patient.address, patient.phone_key) == (PHONE, ADDRESS, PHONE)
    assert list(patient.identifiers.order_by("pk").values_list("value", flat=True)) == ["BN77", CITIZEN, CARD]
    assert PatientIdentifier.objects.get(value=CITIZEN).kind == "NI"
    assert set(Patient.objects.filter(identifiers__value__in=[CARD, "?"])) == {patient}
    assert Patient.objects.filter(phone_key=PHONE).get() == patient
    found = find_patient(Identifier(CITIZEN, "VN", "NI"))
    assert found is not None
    assert found.pk == patient.pk
    assert find_patient(Identifier("001099987655", "VN", "NI")) is None
    assert record_patient(
        PatientDetails(
            identifiers=(Identifier(CITIZEN, "VN", "NI"),), full_name="LÊ THỊ MẬT", dicom_name="LÊ^THỊ MẬT"
        ),
        WHO,
    )[0].pk == patient.pk  # fmt: skip


def test_an_exam_is_found_by_the_whole_number_only() -> None:
    exam = an_exam()
    PatientIdentifier.objects.create(patient=exam.patient, value=CITIZEN, issuer="VN", kind="NI")
    assert find_typed(CITIZEN).keys == (exam.pk,)
    assert not find_typed(CITIZEN[:-1])
    assert not find_typed(CITIZEN[2:8])
    assert not find_typed("sealed9")


def test_two_patients_cannot_have_one_number() -> None:
    patient = a_patient()
    with pytest.raises(Exception, match=r"(?i)unique"):
        PatientIdentifier.objects.create(patient=patient, value=CITIZEN, issuer="VN", kind="NI")


def test_a_number_that_pretends_to_be_sealed_is_read_as_it_came() -> None:
    """Somebody sends ``~sealed.…`` as a hospital number: it is kept and shown, and opens nothing."""
    patient = a_patient()
    pretended = f"{MARK}abcdefgh.aabb"
    row = PatientIdentifier.objects.create(patient=patient, value=pretended, issuer="BVQ")
    row.refresh_from_db()
    assert row.value == pretended
    assert PatientIdentifier.objects.get(value=pretended).pk == row.pk


@pytest.fixture
def rotated(key_file: Path) -> tuple[Patient, str, str]:
    """A patient sealed by the old key, and a new key in front; with the ids of both."""
    patient = a_patient()
    old = sealing_keys()[0].id
    key_file.write_text("n" * 40 + "\n" + key_file.read_text())
    return patient, old, sealing_keys()[0].id


def test_both_keys_open_while_one_is_exchanged(rotated: tuple[Patient, str, str]) -> None:
    patient, _old, _new = rotated
    patient.refresh_from_db()
    assert patient.phone == PHONE
    assert PatientIdentifier.objects.get(value=CARD).patient_id == patient.pk
    found = find_patient(Identifier(CARD, "VN", "HC"))
    assert found is not None


def test_everything_is_sealed_anew_and_then_the_old_key_may_go(
    rotated: tuple[Patient, str, str], key_file: Path
) -> None:
    patient, old, new = rotated
    exam = an_exam()
    PatientIdentifier.objects.filter(patient=patient, is_primary=False).update(patient=exam.patient)
    assert sealed_by("patients_patient.phone") == {old: 1}
    assert reseal().sealed >= 5
    assert all(set(counts) == {new} for counts in keys_in_use().values())
    key_file.write_text("n" * 40)
    patient.refresh_from_db()
    assert (patient.phone, PatientIdentifier.objects.get(value=CITIZEN).patient_id) == (PHONE, exam.patient_id)
    assert find_typed(CITIZEN).keys == (exam.pk,)
    assert not index.drifted()
    assert reseal().sealed == 0


def test_rows_of_before_are_sealed(key_file: Path) -> None:
    """An upgrade: what lies there plainly is read and found, and sealed by the same job."""
    patient = a_patient()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE patients_patient SET phone = %s, address = %s", [PHONE, ADDRESS])
        cursor.execute("UPDATE patients_patientidentifier SET value = %s WHERE kind = 'NI'", [CITIZEN])
    assert sealed_by("patients_patient.phone") == {"": 1}
    assert PatientIdentifier.objects.get(value=CITIZEN).patient_id == patient.pk
    assert find_patient(Identifier(CITIZEN, "VN", "NI")) is not None
    run_reseal("all")
    assert CITIZEN not in everything_stored()
    assert PHONE not in everything_stored()
    assert PatientIdentifier.objects.get(value=CITIZEN).patient_id == patient.pk


def test_a_key_that_was_taken_out_too_soon_is_named(rotated: tuple[Patient, str, str], key_file: Path) -> None:
    patient, old, _new = rotated
    key_file.write_text("n" * 40)
    with pytest.raises(SettingsInvalid, match=old):
        patient.refresh_from_db()
    with pytest.raises(SettingsInvalid, match="do not open"):
        run_reseal("all")
    assert sealed_by("patients_patient.phone") == {old: 1}


def test_a_value_opens_for_its_own_purpose_and_unchanged_only() -> None:
    sealed = seal(b"PIN", "somebody")
    assert opened(sealed, "somebody") == b"PIN"
    for wrong, purpose in ((sealed, "another"), (sealed[:-1] + b"?", "somebody"), (b"PIN", "somebody")):
        with pytest.raises(SettingsInvalid):
            opened(wrong, purpose)
    with pytest.raises(SettingsInvalid):
        open_text(seal_text("x", "here"), "there")
    assert seal_text("x", "here") != seal_text("x", "here")
    assert findable("x", "here") == findable("x", "here") != findable("x", "there")


def test_no_digit_stands_in_what_is_searched_by_parts() -> None:
    assert not any(letter.isdigit() for letter in findable(CITIZEN, "here"))
    assert is_sealed(findable(CITIZEN, "here"))


def test_every_key_of_the_file_is_fit(key_file: Path) -> None:
    for content in ("short", "\n".join("abcd"[place] * 40 for place in range(4))):
        key_file.write_text(content)
        with pytest.raises(SettingsInvalid, match=SECRET):
            sealing_keys()


def test_every_sealed_column_can_be_sealed_anew() -> None:
    names = [column.name for column in sealed_columns()]
    assert len(names) == len(set(names)) >= 20
    assert "second_factors_onetimepassword.sealed_secret" in names


_KILLED = """
import os, sys, django, msgspec
from django.conf import settings
from pathlib import Path
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.QUANG = msgspec.structs.replace(settings.QUANG, secrets_dir=Path(sys.argv[2]))
django.setup()
from ris_core.sealing import rotation
rotation._ROWS_AT_ONCE = 2
def tell(name, rows):
    if name == "patients_patient.phone" and rows >= 4: os.kill(os.getpid(), 9)
rotation.reseal(tell)
"""


@pytest.mark.django_db(transaction=True)
def test_killed_halfway_it_goes_on_where_it_was(key_file: Path) -> None:
    """R10: a kill -9 leaves every row readable, and the next run does the rest."""
    for place in range(9):
        Patient.objects.create(full_name=f"A{place}", phone=f"09000000{place}")
    key_file.write_text("n" * 40 + "\n" + key_file.read_text())
    new = sealing_keys()[0].id
    environment = {"DJANGO_SETTINGS_MODULE": "ris_testing.django_settings", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", _KILLED, str(connection.settings_dict["NAME"]), str(key_file.parent)]
    died = subprocess.run(command, env={**os.environ, **environment}, check=False, capture_output=True, text=True)
    assert died.returncode == -9, died.stderr
    assert sealed_by("patients_patient.phone")[new] == 4
    assert sorted(Patient.objects.values_list("phone", flat=True)) == [f"09000000{place}" for place in range(9)]
    reseal()
    assert sealed_by("patients_patient.phone") == {new: 9}
