"""A small hospital with orders for today: namesakes, twins, and people with two orders among its patients."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

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
