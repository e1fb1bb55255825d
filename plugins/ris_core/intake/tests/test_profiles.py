"""Profiles as data: what may be in one, what each does to a message, and how versions are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_core.audit.services import SYSTEM
from ris_core.errors import EditConflict, InvalidValue, NotFound, TransitionRefused
from ris_core.hl7.acknowledgement import MessageRefused
from ris_core.hl7.er7 import Message
from ris_core.identifiers import PatientIdentifier
from ris_core.intake.commands import OrderCommand, read_commands
from ris_core.intake.controls import Action
from ris_core.intake.models import ProfileVersion
from ris_core.intake.places import Place
from ris_core.intake.profile import DEFAULT_PROFILE, Profile, profile_from, profile_to
from ris_core.intake.profiles import (
    Difference,
    SenderRegistration,
    change_sender,
    create_profile,
    differences,
    exported,
    import_profile,
    newest_version,
    register_sender,
    restore_version,
    save_version,
)
from ris_core.intake.reading import Reading
from ris_core.intake.ready import ReadyProfile, ready_profiles
from ris_core.intake.tests.messages import OBR, ORC, PID, order_message, with_field

READY = {ready.code: ready for ready in ready_profiles()}


def read(content: dict[str, Any], **segments: str | None) -> OrderCommand:
    reading = Reading("BVX", ZoneInfo("Asia/Ho_Chi_Minh"), profile=profile_from(content))
    (command,) = read_commands(Message.parse(order_message(**segments)), reading)  # type: ignore[arg-type]
    return command


@pytest.mark.parametrize(
    "text", ["OBR-18", "ORC-2.1", "PV1-3.4.2", "OBX[3.1=8302-2]-5", "OBX[3=A B]-5.2", "DG1-3/4", "ZA1-1"]
)
def test_a_place_is_written_as_hl7_writes_it(text: str) -> None:
    assert str(Place(text)) == text
    assert Place(text) == Place(text)


@pytest.mark.parametrize(
    "text", ["", "OBR", "OBR-0", "OBR-", "obr-1", "OBR-1.", "OBR[3]-1", "OBR[0=1]-1", "OBR-1/2.1", "OBR-1 "]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Place(text)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"order": {"acession_number": ["OBR-1"]}}, "order"),
        ({"order": {"accession_number": ["OBR-1", "x"]}}, "order.accession_number[1]"),
        ({"order": {"service_code": []}}, "order.service_code"),
        ({"patient": {"identifiers": []}}, "patient.identifiers"),
        ({"words": {"order_controls": {"NEW": "ZZ"}}}, "words.order_controls"),
        ({"words": {"stations": {"P1": "A TITLE THAT IS TOO LONG"}}}, "words.stations"),
        ({"words": {"modalities": {"XQ": "XQ"}}}, "words.modalities"),
        ({"undeclared_charset": "utf-16"}, "undeclared_charset"),
        ({"message_types": ["orders"]}, "message_types[0]"),
        ([], ""),
    ],
)
def test_what_is_wrong_with_a_profile_is_named(content: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        profile_from(content)
    assert caught.value.field == field


def test_the_default_profile_says_nothing() -> None:
    assert profile_from({}) == DEFAULT_PROFILE == Profile()
    assert profile_to(DEFAULT_PROFILE) == {}


@pytest.mark.parametrize("ready", READY.values(), ids=READY)
def test_the_ready_profiles_are_whole_and_say_what_they_are_for(ready: ReadyProfile) -> None:
    profile = profile_from(ready.content)
    assert profile_from(profile_to(profile)) == profile
    for language in ("vi", "en"):
        assert ready.name[language]
        assert len(ready.purpose[language]) > 80


def test_an_accession_number_that_comes_as_filler_order_number() -> None:
    orc = with_field(ORC, 3, "F77")
    found = read(READY["orm-2-3-filler-accession"].content, orc=orc).order
    assert found is not None
    assert (found.accession_number, read({}, orc=orc).order.accession_number) == ("F77", "ACC1")  # type: ignore[union-attr]


def test_vietnamese_words_and_a_segment_of_the_senders_own() -> None:
    zor = "ZOR|P.CT1|Có|52,5|Penicillin|Bệnh nhân nặng tai|AC-9"
    pid = with_field(
        with_field(with_field(with_field(PID, 4, "GD479"), 5, "TRẦN THỊ BÍCH"), 19, "001080000001"), 8, "gái"
    )
    orc = with_field(with_field(ORC, 1, "moi"), 7, "^^^^^Cấp cứu")
    command = read(READY["vn-his-z-segments"].content, pid=pid, orc=orc, obr=with_field(OBR, 24, "CLVT"), more=zor)
    order = command.order
    assert command.action is Action.PLACE
    assert order is not None
    assert order.patient.identifiers == (
        PatientIdentifier("BN1", "BVX", "MR"), PatientIdentifier("GD479", "VN", "HC"),
        PatientIdentifier("001080000001", "VN", "NI"),
    )  # fmt: skip
    assert (order.patient.full_name, order.patient.dicom_name, order.patient.sex) == (
        "TRẦN THỊ BÍCH", "TRẦN^THỊ BÍCH", "F",
    )  # fmt: skip
    assert (order.priority, order.modality, order.accession_number, order.comments) == (
        "STAT", "CT", "AC-9", "Bệnh nhân nặng tai",
    )  # fmt: skip
    condition = order.condition
    assert (condition.pregnancy_status, condition.patient_weight_kg, condition.allergies) == (
        3, Decimal("52.5"), "Penicillin",
    )  # fmt: skip
    assert [step.room for step in order.steps] == ["P.CT1"]


def test_the_room_tells_the_device() -> None:
    content = {"step": {"room": ["OBR-34"]}, "words": {"stations": {"p12": "CT2"}, "rooms": {"P12": "Phòng CT 2"}}}
    (step,) = read(content, obr=with_field(OBR, 34, "P12")).order.steps  # type: ignore[union-attr]
    assert (step.station_ae_title, step.room) == ("CT2", "Phòng CT 2")


def test_a_value_in_the_observation_that_has_its_code() -> None:
    content = {"order": {"patient_weight": ["OBX[3.1=29463-7]-5"]}}
    more = "OBX|1|NM|8302-2^Height^LN||170|cm\rOBX|2|NM|29463-7^Weight^LN||61|kg"
    assert read(content, more=more).order.condition.patient_weight_kg == 61  # type: ignore[union-attr]


def test_a_wrong_value_is_refused_by_the_place_where_the_profile_found_it() -> None:
    with pytest.raises(MessageRefused, match=r"^ZOR-3: ") as caught:
        read({"order": {"patient_weight": ["ZOR-3"]}}, more="ZOR|||nặng")
    assert str(caught.value.location) == "ZOR^1^3"


@pytest.mark.parametrize(
    ("order", "sent", "dicom"),
    [
        ("as_hl7", "LÊ^HOA^THỊ", "LÊ^HOA^THỊ"),
        ("as_hl7", "LÊ THỊ HOA", "LÊ^THỊ HOA"),
        ("family_first", "^LÊ THỊ HOA", "LÊ^THỊ HOA"),
        ("family_last", "HOA THỊ LÊ", "LÊ^HOA THỊ"),
    ],
)
def test_the_order_of_a_name(order: str, sent: str, dicom: str) -> None:
    found = read({"patient": {"name_order": order}}, pid=with_field(PID, 5, sent)).order
    assert found is not None
    assert found.patient.dicom_name == dicom


def test_the_default_reads_a_time_as_before() -> None:
    found = read({}).order
    assert found is not None
    assert found.scheduled_at == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


_KEYS = st.sampled_from(["order", "words", "patient", "accession_number", "sexes", "identifiers", "x"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(_json)
@settings(max_examples=100, deadline=None)
def test_any_data_is_a_profile_or_refused(data: Any) -> None:
    try:
        profile = profile_from(data)
    except InvalidValue:
        return
    assert profile_from(profile_to(profile)) == profile


@pytest.mark.django_db
def test_versions_are_added_restored_and_never_changed() -> None:
    one, two = {"order": {"accession_number": ["OBR-20"]}}, {"order": {"accession_number": ["OBR-21"]}}
    profile = create_profile("his-a", "HIS A", one, SYSTEM)
    assert save_version(profile.pk, two, SYSTEM, based_on=1, comment="OBR-21").number == 2
    assert save_version(profile.pk, two, SYSTEM, based_on=2).number == 2
    with pytest.raises(EditConflict):
        save_version(profile.pk, one, SYSTEM, based_on=1)
    restored = restore_version(profile.pk, 1, SYSTEM)
    assert (restored.number, restored.content, newest_version(profile).pk) == (3, one, restored.pk)
    with pytest.raises(NotFound):
        restore_version(profile.pk, 9, SYSTEM)
    with pytest.raises(TransitionRefused):
        ProfileVersion.objects.get(pk=restored.pk).save()


def test_what_two_versions_have_otherwise() -> None:
    before = {"order": {"accession_number": ["OBR-20"]}, "words": {"sexes": {"1": "M"}}}
    after = {"order": {"accession_number": ["OBR-21"]}, "words": {"sexes": {"1": "M", "2": "F"}}, "description": "x"}
    assert differences(before, after) == [
        Difference("description", None, "x"),
        Difference("order.accession_number", ["OBR-20"], ["OBR-21"]),
        Difference("words.sexes.2", None, "F"),
    ]


@pytest.mark.django_db
def test_a_profile_goes_to_another_hospital_and_comes_back_changed() -> None:
    profile = create_profile("his-a", "HIS A", {"description": "one"}, SYSTEM)
    file = exported(profile)
    file["content"] = {"description": "two"}
    assert import_profile(file, SYSTEM).pk == profile.pk
    assert newest_version(profile).content == {"description": "two"}
    assert import_profile({**file, "code": "his-b"}, SYSTEM).pk != profile.pk
    wrongs: list[Any] = [[], {}, {**file, "version": 2}, {**file, "content": 1}]
    for wrong in wrongs:
        with pytest.raises(InvalidValue):
            import_profile(wrong, SYSTEM)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"identity": "HIS"}, "identity"),
        ({"identity": "|"}, "identity"),
        ({"name": " "}, "name"),
        ({"networks": ("10.0.0.300",)}, "networks"),
        ({"charset": "klingon"}, "charset"),
    ],
)
def test_what_is_wrong_with_a_sender_is_named(details: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        register_sender(SenderRegistration(**({"identity": "HIS|A", "name": "HIS"} | details)), SYSTEM)
    assert caught.value.field == field


@pytest.mark.django_db
def test_a_sender_is_registered_once_and_changed() -> None:
    fingerprint = ":".join(["ab"] * 32)
    sender = register_sender(
        SenderRegistration(identity="HIS|A", name="HIS", networks=("10.1.2.3/24",), certificate=fingerprint), SYSTEM
    )
    assert (sender.networks, sender.certificate) == (["10.1.2.0/24"], "AB" * 32)
    with pytest.raises(InvalidValue):
        register_sender(SenderRegistration(identity="HIS|A", name="HIS"), SYSTEM)
    assert not change_sender(sender.pk, SenderRegistration(identity="HIS|A", name="HIS", active=False), SYSTEM).active
