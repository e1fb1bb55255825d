"""The ways in which people and devices spoil the header of an image."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from benchmarks.matching_hospital import GIVEN, SERVICES, Hospital, Order, Person
from ris_core.matching.keys import exam_key, shown_key
from ris_core.matching.typing_errors import one_error_away
from ris_core.names import unaccented


@dataclass(slots=True)
class Draft:
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


Spoil = Callable[[Draft, random.Random, Hospital], None]


def _set(**values: Any) -> Spoil:
    def spoil(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
        draft.attributes.update(values)

    return spoil


def _nothing(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    pass


def _id_without_prefix(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    digits = draft.order.person.number.removeprefix("QB")
    draft.attributes["PatientID"] = chance.choice(
        (digits, digits.lstrip("0").zfill(5), "qb-" + digits.lstrip("0").zfill(5))
    )


def _id_elsewhere(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    number = draft.attributes.pop("PatientID")
    draft.id_elsewhere = True
    place = chance.choice(("PatientComments", "OtherPatientIDs", "AccessionNumber", "StudyID"))
    draft.attributes[place] = f"Ma {number}" if place == "PatientComments" else number


def _citizen_id(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientID"] = draft.order.person.citizen_id


def _id_mistyped(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    number = draft.order.person.number
    draft.attributes["PatientID"] = "QB" + _mistyped(number[2:], chance, "0123456789")


def _id_missing(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    del draft.attributes["PatientID"]


def _id_made_up(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientID"] = f"{draft.received_at:%Y%m%d%H%M%S}"


def _name_mistyped(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    words = draft.attributes["PatientName"].replace("^", " ").split()
    at = max(range(len(words)), key=lambda index: (len(words[index]), chance.random()))
    words[at] = _mistyped(words[at], chance, "ABCDEGHIKLMNOPQRSTUVXY")
    draft.attributes["PatientName"] = " ".join(words)


def _name_reordered(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    words = draft.attributes["PatientName"].replace("^", " ").split()
    chance.shuffle(words)
    draft.attributes["PatientName"] = "^".join((words[0], " ".join(words[1:])))


def _name_joined(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientName"] = draft.attributes["PatientName"].replace("^", "").replace(" ", "")


def _name_cut(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    words = draft.attributes["PatientName"].replace("^", " ").split()
    draft.attributes["PatientName"] = " ".join([*(word[0] for word in words[:-1]), words[-1]])


def _name_latin(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientName"] = draft.order.person.dicom_name.encode("latin-1", "replace").decode("latin-1")
    draft.character_set = "ISO_IR 100"


def _name_misread(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientName"] = draft.order.person.dicom_name.encode().decode("latin-1")


def _date_swapped(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    date = draft.order.person.birth_date
    if int(date[6:]) <= 12:
        draft.attributes["PatientBirthDate"] = date[:4] + date[6:] + date[4:6]


def _date_mistyped(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    date = draft.order.person.birth_date
    draft.attributes["PatientBirthDate"] = date[:3] + str((int(date[3]) + 1) % 10) + date[4:]


def _only_year(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["PatientBirthDate"] = draft.order.person.birth_date[:4]


def _wrong_clock(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["StudyDate"] = chance.choice(("20010101", "19800106", "20360101"))


def _sent_later(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.received_at += timedelta(hours=chance.randint(20, 60))


def _wrong_device(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    others = [service.station for service in SERVICES if service.station != draft.sender]
    draft.sender = chance.choice((*others, "MAYLA"))


def _key(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
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


def _key_mistyped(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    key = exam_key(draft.order.procedure_id)
    at = chance.randrange(len(key))
    draft.attributes["PatientID"] = (
        key[:at] + chance.choice([c for c in "ACDEFGHJKM3469" if c != key[at]]) + key[at + 1 :]
    )


def _key_of_another(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    """The wrong slip was scanned; name and birth date are the patient's own."""
    others = [o for o in hospital.orders if o.person.birth_date != draft.order.person.birth_date]
    draft.attributes["PatientComments"] = exam_key(chance.choice(others).procedure_id)
    draft.truth = None


def _accession_mistyped(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["AccessionNumber"] = _mistyped(draft.order.accession_number, chance, "0123456789")
    if any(order.accession_number == draft.attributes["AccessionNumber"] for order in hospital.orders):
        draft.truth = None


def _accession(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    draft.attributes["AccessionNumber"] = draft.order.accession_number
    draft.names_its_order = True


def _accession_of_another(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    others = [o for o in hospital.orders if o.person != draft.order.person]
    draft.attributes["AccessionNumber"] = chance.choice(others).accession_number
    draft.truth = None


def _order_to_come(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    """The images are of an order that is not here yet; the patient has another one."""
    draft.attributes["AccessionNumber"] = f"P27{chance.randint(0, 999999):06d}"
    draft.truth = None


def _id_of_another(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    """Another patient was left open at the device: their number, this one's name."""
    others = [o.person for o in hospital.orders if o.person.name != draft.order.person.name]
    draft.attributes["PatientID"] = chance.choice(others).number
    draft.truth = None


def _no_order(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    """A patient whom the hospital knows, with nothing ordered."""
    _becomes(draft, chance.choice(hospital.without_order), chance)


def _unknown_namesake(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    """Somebody the hospital does not know, with the name of one who has an order."""
    person = replace(
        draft.order.person,
        number=f"QB9{chance.randint(0, 9999999):07d}",
        birth_date=f"{chance.randint(1930, 1999)}0{chance.randint(1, 9)}15",
    )
    _becomes(draft, person, chance)


def _unknown_twin(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
    """A newborn's twin: born the same day, registered next, called nearly the same, without an order."""
    person = draft.order.person
    number = f"QB{int(person.number[2:]) + 40_000_000:08d}" if chance.random() < 0.5 else ""
    words = person.name.split()
    words[-1] = chance.choice(GIVEN[person.sex])
    _becomes(draft, replace(person, number=number, name=" ".join(words)), chance)


def _becomes(draft: Draft, person: Person, chance: random.Random) -> None:
    draft.attributes.update(
        PatientID=person.number,
        PatientName=unaccented(person.dicom_name),
        PatientBirthDate=person.birth_date,
        PatientSex=person.sex,
    )
    draft.truth = None


def _both(*spoils: Spoil) -> Spoil:
    def spoil(draft: Draft, chance: random.Random, hospital: Hospital) -> None:
        for each in spoils:
            each(draft, chance, hospital)

    return spoil


KINDS: dict[str, Spoil] = {
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
