"""Labelled cases of matching: a small hospital with orders, and images whose headers people and devices have spoilt.

Every case is a DICOM header written with the character set of its device and read again as the worker reads it, and
knows the order that it truly belongs to (or that there is none). Seeded: the same number makes the same cases.

The headers' modalities, descriptions and body parts are those of real files: pydicom's own, and of a corpus where
``QUANG_CORPUS`` names one.
"""

from __future__ import annotations

import os
import random
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom
from django.utils import timezone
from pydicom import config

from ris_core.matching.keys import exam_key, shown_key
from ris_core.matching.typing_errors import one_error_away
from ris_core.names import unaccented
from ris_testing.dicom_files import a_dicom_file

# fmt: off
FAMILY = ("NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HOÀNG", "HUỲNH", "PHAN", "VŨ", "ĐẶNG", "BÙI", "ĐỖ", "NGÔ")
MIDDLE = {
    "M": ("VĂN", "HỮU", "ĐỨC", "MINH", "QUỐC", "XUÂN"),
    "F": ("THỊ", "THỊ NGỌC", "KIM", "THANH", "NGỌC", "THỊ THU"),
}
GIVEN = {
    "M": (
        "AN", "BÌNH", "CƯỜNG", "DŨNG", "ĐỨC", "HẢI", "HIẾU", "HÙNG", "KHÁNH", "LONG", "NAM", "PHÚC", "QUÂN", "SƠN",
        "TUẤN",
    ),
    "F": (
        "ANH", "CHÂU", "DUNG", "ĐÀO", "GIANG", "HÀ", "HẠNH", "HOA", "HƯƠNG", "LAN", "LINH", "MAI", "NGA", "TRANG",
        "YẾN",
    ),
}
TWINS = (("AN", "ÂN"), ("ANH", "ÁNH"), ("HÀ", "HÂN"), ("LINH", "LIÊN"), ("MINH ANH", "MINH ÁNH"), ("BẢO", "BẢO AN"))
# fmt: on


@dataclass(frozen=True, slots=True)
class Service:
    code: str
    name: str
    modality: str
    station: str
    room: str
    descriptions: tuple[str, ...]
    """What devices write into StudyDescription or BodyPartExamined for it."""


SERVICES = (
    Service("SA.BUNG", "Siêu âm ổ bụng tổng quát", "US", "SA1", "P. SA 1", ("ABDOMEN", "Sieu am o bung", "")),
    Service("SA.GIAP", "Siêu âm tuyến giáp", "US", "SA1", "P. SA 1", ("THYROID", "Tuyen giap", "")),
    Service("XQ.NGUC", "Chụp X-quang ngực thẳng", "DX", "XQ1", "P. XQ 1", ("CHEST", "Nguc thang", "")),
    Service("XQ.GOI", "Chụp X-quang khớp gối", "DX", "XQ2", "P. XQ 2", ("KNEE", "Khop goi", "")),
    Service("CT.SONAO", "Chụp CLVT sọ não", "CT", "CT1", "P. CT", ("HEAD", "So nao khong thuoc", "BRAIN")),
    Service("CT.NGUC", "Chụp CLVT lồng ngực", "CT", "CT1", "P. CT", ("CHEST", "Nguc co thuoc", "")),
    Service("MR.CSTL", "Chụp cộng hưởng từ cột sống thắt lưng", "MR", "MR1", "P. MR", ("LSPINE", "CSTL", "")),
)


@dataclass(frozen=True, slots=True)
class Person:
    number: str
    citizen_id: str
    name: str
    birth_date: str
    sex: str

    @property
    def dicom_name(self) -> str:
        family, _, rest = self.name.partition(" ")
        return f"{family}^{rest}"


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the hospital; ``procedure_id`` is known once it has been placed."""

    ordinal: int
    person: Person
    service: Service
    at: datetime
    procedure_id: int = 0

    @property
    def accession_number(self) -> str:
        return f"P26{self.ordinal:06d}"


@dataclass(frozen=True, slots=True)
class Hospital:
    """Who is here and what was ordered for them."""

    orders: tuple[Order, ...]
    without_order: tuple[Person, ...]
    """Patients whom the hospital knows and who have nothing ordered."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    file: bytes
    sender: str
    received_at: datetime
    modality: str
    truth: int | None
    """Id of the procedure that the images are of; none: of none that is here, or nobody can tell."""


@dataclass(slots=True)
class _Draft:
    """A header on its way to being spoilt."""

    order: Order
    attributes: dict[str, Any]
    sender: str
    received_at: datetime
    truth: int | None
    character_set: str = "ISO_IR 192"
    names_its_order: bool = False
    """By a number or key, so that no other can be meant."""
    id_elsewhere: bool = False


def a_hospital(seed: int, patients: int, now: datetime | None = None) -> Hospital:
    """``patients`` with orders for today; among them namesakes, twins, and people with two orders."""
    chance = random.Random(seed)
    now = now or timezone.now().replace(microsecond=0)
    orders: list[Order] = []
    people: list[Person] = []

    def person(**given: str) -> Person:
        number = len(people) + 1
        sex = given.get("sex") or chance.choice("MF")
        name = given.get("name") or " ".join(
            (chance.choice(FAMILY), chance.choice(MIDDLE[sex]), chance.choice(GIVEN[sex]))
        )
        birth = (
            given.get("birth_date")
            or f"{chance.randint(1940, 2022)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        )
        made = Person(f"QB{number:08d}", f"0{chance.randint(10**10, 10**11 - 1)}", name, birth, sex)
        people.append(made)
        return made

    def order(who: Person, service: Service | None = None, at: datetime | None = None) -> None:
        moment = at or now - timedelta(minutes=chance.randint(0, 240))
        orders.append(Order(len(orders) + 1, who, service or chance.choice(SERVICES), moment))

    while len(people) < patients:
        roll = chance.random()
        if roll < 0.12:  # twins, registered one after the other; both, or one of them, are examined
            first, second = chance.choice(TWINS)
            family, sex = chance.choice(FAMILY), chance.choice("MF")
            one = person(name=f"{family} {first}", sex=sex)
            other = person(name=f"{family} {second}", sex=sex, birth_date=one.birth_date)
            service = chance.choice(SERVICES)
            order(one, service)
            if chance.random() < 0.6:
                order(other, service)
        elif roll < 0.24:  # namesakes, of the same year now and then
            one = person()
            other = person(
                name=one.name, sex=one.sex, birth_date=one.birth_date[:4] + "0101" if chance.random() < 0.5 else ""
            )
            order(one)
            if chance.random() < 0.6:
                order(other, orders[-1].service)
        elif roll < 0.36:  # two orders
            one = person()
            order(one)
            order(one, chance.choice(SERVICES))
        elif roll < 0.44:
            person()
        else:
            order(person())
    ordered = {o.person for o in orders}
    return Hospital(tuple(orders), tuple(p for p in people if p not in ordered), now)


def cases(hospital: Hospital, seed: int, count: int) -> Iterator[Case]:
    """``count`` cases of all kinds in turn; ``hospital`` has been placed."""
    chance = random.Random(seed)
    kinds = list(KINDS.items())
    headers = real_headers()
    for number in range(count):
        kind, spoil = kinds[number % len(kinds)]
        order = chance.choice(hospital.orders)
        draft = _as_it_should_be(order, chance, headers, number)
        spoil(draft, chance, hospital)
        if chance.random() < 0.3:
            draft.attributes.pop("PatientSex", None)
        if chance.random() < 0.4:
            draft.attributes["PatientName"] = _in_device_letters(draft.attributes.get("PatientName", ""), chance)
        yield _written(kind, draft, hospital)


def _as_it_should_be(order: Order, chance: random.Random, headers: list[dict[str, str]], number: int) -> _Draft:
    """What a careful technologist types at a device without a worklist."""
    person, service = order.person, order.service
    received_at = order.at + timedelta(minutes=chance.randint(2, 100))
    local = timezone.localtime(received_at)
    like = [header for header in headers if header["Modality"] == service.modality]
    attributes: dict[str, Any] = {
        **(chance.choice(like) if like else {}),
        "PatientID": person.number,
        "PatientName": unaccented(person.dicom_name),
        "PatientBirthDate": person.birth_date,
        "PatientSex": person.sex,
        "Modality": service.modality,
        "StudyInstanceUID": f"1.2.826.0.1.3680043.9.{number + 1}",
        "StudyDate": f"{local:%Y%m%d}",
        "StudyTime": f"{local:%H%M%S}",
    }
    described = chance.choice(service.descriptions)
    attributes["BodyPartExamined" if described.isupper() else "StudyDescription"] = described
    return _Draft(order, attributes, service.station, received_at, order.procedure_id)


def _written(kind: str, draft: _Draft, hospital: Hospital) -> Case:
    attributes = {name: value for name, value in draft.attributes.items() if value != ""}
    attributes.setdefault("PatientName", "")
    attributes.setdefault("PatientID", "")
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")  # that the headers are not as they should be is what they are for
        file = a_dicom_file(**{**attributes, "SpecificCharacterSet": draft.character_set})
    return Case(kind, file, draft.sender, draft.received_at, draft.order.service.modality, _truth(draft, hospital))


def _truth(draft: _Draft, hospital: Hospital) -> int | None:
    """None also where the header fits several orders just as well: nobody could tell."""
    if draft.truth is None or draft.names_its_order:
        return draft.truth
    mine = draft.order
    said = draft.attributes
    described = said.get("BodyPartExamined") or said.get("StudyDescription")
    for other in hospital.orders:
        if other.procedure_id == mine.procedure_id or other.service.modality != mine.service.modality:
            continue
        same_person = other.person == mine.person and (other.service == mine.service or not described)
        alike = (
            other.person != mine.person
            and unaccented(other.person.name) == unaccented(mine.person.name)
            and other.service == mine.service
            and not draft.id_elsewhere
            and not said.get("PatientID")
            and (not said.get("PatientBirthDate") or other.person.birth_date.startswith(said["PatientBirthDate"]))
        )
        if same_person or alike:
            return None
    return draft.truth


# ---- ways in which a header is spoilt ----

_Spoil = Callable[[_Draft, random.Random, Hospital], None]


def _set(**values: Any) -> _Spoil:
    def spoil(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
        draft.attributes.update(values)

    return spoil


def _nothing(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    pass


def _id_without_prefix(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    digits = draft.order.person.number.removeprefix("QB")
    draft.attributes["PatientID"] = chance.choice(
        (digits, digits.lstrip("0").zfill(5), "qb-" + digits.lstrip("0").zfill(5))
    )


def _id_elsewhere(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    number = draft.attributes.pop("PatientID")
    draft.id_elsewhere = True
    place = chance.choice(("PatientComments", "OtherPatientIDs", "AccessionNumber", "StudyID"))
    draft.attributes[place] = f"Ma {number}" if place == "PatientComments" else number


def _citizen_id(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientID"] = draft.order.person.citizen_id


def _id_mistyped(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    number = draft.order.person.number
    draft.attributes["PatientID"] = "QB" + _mistyped(number[2:], chance, "0123456789")


def _id_missing(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    del draft.attributes["PatientID"]


def _id_made_up(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientID"] = f"{draft.received_at:%Y%m%d%H%M%S}"


def _name_mistyped(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    words = draft.attributes["PatientName"].replace("^", " ").split()
    at = max(range(len(words)), key=lambda index: (len(words[index]), chance.random()))
    words[at] = _mistyped(words[at], chance, "ABCDEGHIKLMNOPQRSTUVXY")
    draft.attributes["PatientName"] = " ".join(words)


def _name_reordered(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    words = draft.attributes["PatientName"].replace("^", " ").split()
    chance.shuffle(words)
    draft.attributes["PatientName"] = "^".join((words[0], " ".join(words[1:])))


def _name_joined(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientName"] = draft.attributes["PatientName"].replace("^", "").replace(" ", "")


def _name_cut(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    words = draft.attributes["PatientName"].replace("^", " ").split()
    draft.attributes["PatientName"] = " ".join([*(word[0] for word in words[:-1]), words[-1]])


def _name_latin(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientName"] = draft.order.person.dicom_name.encode("latin-1", "replace").decode("latin-1")
    draft.character_set = "ISO_IR 100"


def _name_misread(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientName"] = draft.order.person.dicom_name.encode().decode("latin-1")


def _date_swapped(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    date = draft.order.person.birth_date
    if int(date[6:]) <= 12:
        draft.attributes["PatientBirthDate"] = date[:4] + date[6:] + date[4:6]


def _date_mistyped(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    date = draft.order.person.birth_date
    draft.attributes["PatientBirthDate"] = date[:3] + str((int(date[3]) + 1) % 10) + date[4:]


def _only_year(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientBirthDate"] = draft.order.person.birth_date[:4]


def _wrong_clock(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["StudyDate"] = chance.choice(("20010101", "19800106", "20360101"))


def _sent_later(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.received_at += timedelta(hours=chance.randint(20, 60))


def _wrong_device(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    others = [service.station for service in SERVICES if service.station != draft.sender]
    draft.sender = chance.choice((*others, "MAYLA"))


def _key(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    key = exam_key(draft.order.procedure_id)
    draft.names_its_order = True
    place = chance.choice(
        ("PatientID", "AccessionNumber", "PatientComments", "StudyID", "StudyDescription", "ImageComments")
    )
    if place != "PatientID":
        draft.attributes["PatientID"] = chance.choice(("", draft.order.person.number))
    draft.attributes[place] = chance.choice((key, shown_key(key), f"*{key}*", key.lower()))
    for dropped in chance.sample(("PatientName", "PatientBirthDate"), chance.randint(0, 2)):
        draft.attributes.pop(dropped, None)


def _key_mistyped(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    key = exam_key(draft.order.procedure_id)
    at = chance.randrange(len(key))
    draft.attributes["PatientID"] = (
        key[:at] + chance.choice([c for c in "ACDEFGHJKM3469" if c != key[at]]) + key[at + 1 :]
    )


def _key_of_another(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    """The wrong slip was scanned; name and birth date are the patient's own."""
    others = [o for o in hospital.orders if o.person.birth_date != draft.order.person.birth_date]
    draft.attributes["PatientComments"] = exam_key(chance.choice(others).procedure_id)
    draft.truth = None


def _accession_mistyped(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["AccessionNumber"] = _mistyped(draft.order.accession_number, chance, "0123456789")
    if any(order.accession_number == draft.attributes["AccessionNumber"] for order in hospital.orders):
        draft.truth = None


def _accession(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["AccessionNumber"] = draft.order.accession_number
    draft.names_its_order = True


def _accession_of_another(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    others = [o for o in hospital.orders if o.person != draft.order.person]
    draft.attributes["AccessionNumber"] = chance.choice(others).accession_number
    draft.truth = None


def _order_to_come(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    """The images are of an order that is not here yet; the patient has another one."""
    draft.attributes["AccessionNumber"] = f"P27{chance.randint(0, 999999):06d}"
    draft.truth = None


def _id_of_another(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    """Another patient was left open at the device: their number, this one's name."""
    others = [o.person for o in hospital.orders if o.person.name != draft.order.person.name]
    draft.attributes["PatientID"] = chance.choice(others).number
    draft.truth = None


def _no_order(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    """A patient whom the hospital knows, with nothing ordered."""
    _becomes(draft, chance.choice(hospital.without_order), chance)


def _unknown_namesake(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    """Somebody the hospital does not know, with the name of one who has an order."""
    person = replace(
        draft.order.person,
        number=f"QB9{chance.randint(0, 9999999):07d}",
        birth_date=f"{chance.randint(1930, 1999)}0{chance.randint(1, 9)}15",
    )
    _becomes(draft, person, chance)


def _unknown_twin(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
    """A newborn's twin: born the same day, registered next, called nearly the same, without an order."""
    person = draft.order.person
    number = f"QB{int(person.number[2:]) + 40_000_000:08d}" if chance.random() < 0.5 else ""
    words = person.name.split()
    words[-1] = chance.choice(GIVEN[person.sex])
    _becomes(draft, replace(person, number=number, name=" ".join(words)), chance)


def _becomes(draft: _Draft, person: Person, chance: random.Random) -> None:
    draft.attributes.update(
        PatientID=person.number,
        PatientName=unaccented(person.dicom_name),
        PatientBirthDate=person.birth_date,
        PatientSex=person.sex,
    )
    draft.truth = None


def _both(*spoils: _Spoil) -> _Spoil:
    def spoil(draft: _Draft, chance: random.Random, hospital: Hospital) -> None:
        for each in spoils:
            each(draft, chance, hospital)

    return spoil


KINDS: dict[str, _Spoil] = {
    "as it should be": _nothing,
    "id without prefix or zeros": _id_without_prefix,
    "id in another field": _id_elsewhere,
    "citizen id as patient id": _citizen_id,
    "id mistyped": _id_mistyped,
    "id missing": _id_missing,
    "id made up by the device": _id_made_up,
    "name mistyped": _name_mistyped,
    "name reordered": _name_reordered,
    "name joined": _name_joined,
    "name abbreviated": _name_cut,
    "name from a Latin-1 device": _name_latin,
    "name misread": _name_misread,
    "name missing": _set(PatientName=""),
    "day and month swapped": _date_swapped,
    "birth date mistyped": _date_mistyped,
    "year of birth only": _only_year,
    "birth date missing": _set(PatientBirthDate=""),
    "wrong clock": _wrong_clock,
    "sent days later": _sent_later,
    "wrong device": _wrong_device,
    "id mistyped, name mistyped": _both(_id_mistyped, _name_mistyped),
    "id missing, name reordered, year only": _both(_id_missing, _name_reordered, _only_year),
    "id without prefix, name mistyped, wrong clock": _both(_id_without_prefix, _name_mistyped, _wrong_clock),
    "key": _key,
    "key mistyped": _key_mistyped,
    "accession number": _accession,
    "accession number mistyped": _accession_mistyped,
    "none: key of another patient": _key_of_another,
    "none: accession number of another patient": _accession_of_another,
    "none: order still to come": _order_to_come,
    "none: id of another patient": _id_of_another,
    "none: nothing ordered": _no_order,
    "none: namesake nobody knows": _unknown_namesake,
    "none: twin nobody knows": _unknown_twin,
}


def _mistyped(text: str, chance: random.Random, alphabet: str) -> str:
    return chance.choice([wrong for wrong in one_error_away(text, alphabet) if wrong != text])


def _in_device_letters(name: str, chance: random.Random) -> str:
    return chance.choice((name.lower(), name.title(), unicodedata.normalize("NFD", name), name.replace("^", " ")))


def real_headers() -> list[dict[str, str]]:
    """Modality, station and manufacturer's words of real files: what devices write beside the patient."""
    folders = [Path(pydicom.__file__).parent / "data" / "test_files"]
    if os.environ.get("QUANG_CORPUS"):
        folders.append(Path(os.environ["QUANG_CORPUS"]))
    found = []
    for path in sorted(file for folder in folders for file in folder.rglob("*.dcm"))[:200]:
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_KEPT, "Modality"])
            header = {name: str(dataset.get(name) or "") for name in (*_KEPT, "Modality")}
        except (pydicom.errors.InvalidDicomError, ValueError, KeyError, AttributeError, TypeError, OSError):
            continue
        if header["Modality"]:
            found.append({name: value[:16] for name, value in header.items() if value.isascii() and value})
    return found


_KEPT = ("StationName", "InstitutionName", "Manufacturer", "SeriesDescription")
