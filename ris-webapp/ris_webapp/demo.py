"""What a demonstration starts with: people, devices, services, a receiver. All names are of roles, none of persons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoUser:
    username: str
    full_name: str
    title: str
    role: str


@dataclass(frozen=True, slots=True)
class DemoDevice:
    ae_title: str
    name: str
    modality: str
    room: str
    port: int


@dataclass(frozen=True, slots=True)
class DemoService:
    code: str
    name: str
    modality: str
    body_part: str
    device: str
    minimum_minutes: int


CODING_SYSTEM = "BVQ"

USERS = (
    DemoUser("bacsi", "Bác sĩ CĐHA", "BS.", "RADIOLOGIST"),
    DemoUser("bacsi2", "Bác sĩ CĐHA 2", "ThS.BS.", "RADIOLOGIST"),
    DemoUser("truongnhom", "Bác sĩ trưởng nhóm", "TS.BS.", "SENIOR"),
    DemoUser("noitru", "Bác sĩ nội trú", "BS.", "RESIDENT"),
    DemoUser("thuky", "Thư ký y khoa", "", "SECRETARY"),
    DemoUser("ktv", "Kỹ thuật viên", "KTV.", "TECHNOLOGIST"),
    DemoUser("tiepdon", "Nhân viên tiếp đón", "", "RECEPTION"),
    DemoUser("lamsang", "Bác sĩ lâm sàng", "BS.", "CLINICIAN"),
    DemoUser("bsgui", "Bác sĩ gửi bệnh", "BS.", "REFERRER"),
    DemoUser("kiemsoat", "Người kiểm soát", "", "AUDITOR"),
    DemoUser("cntt", "Công nghệ thông tin", "", "IT"),
    DemoUser("quantri", "Quản trị hệ thống", "", "ADMINISTRATOR"),
)

DEVICES = (
    DemoDevice("CT1", "Máy CLVT 1", "CT", "Phòng CT 1", 11112),
    DemoDevice("CT2", "Máy CLVT 2", "CT", "Phòng CT 2", 11113),
    DemoDevice("MR1", "Máy cộng hưởng từ 1", "MR", "Phòng MR 1", 11114),
    DemoDevice("XR1", "Máy X-quang số hoá 1", "DX", "Phòng XQ 1", 11115),
    DemoDevice("US1", "Máy siêu âm 1", "US", "Phòng SA 1", 11116),
)

SERVICES = (
    DemoService("CT.SONAO", "Chụp CLVT sọ não không tiêm thuốc cản quang", "CT", "HEAD", "CT1", 10),
    DemoService("CT.NGUC", "Chụp CLVT lồng ngực không tiêm thuốc cản quang", "CT", "CHEST", "CT1", 10),
    DemoService("CT.BUNG", "Chụp CLVT tầng trên ổ bụng có tiêm thuốc cản quang", "CT", "ABDOMEN", "CT2", 20),
    DemoService("CT.XOANG", "Chụp CLVT hệ xoang", "CT", "SINUS", "CT2", 10),
    DemoService("MR.SONAO", "Chụp cộng hưởng từ sọ não", "MR", "HEAD", "MR1", 25),
    DemoService("MR.CSTL", "Chụp cộng hưởng từ cột sống thắt lưng", "MR", "LSPINE", "MR1", 25),
    DemoService("MR.GOI", "Chụp cộng hưởng từ khớp gối", "MR", "KNEE", "MR1", 25),
    DemoService("XQ.NGUC", "Chụp X-quang ngực thẳng", "DX", "CHEST", "XR1", 3),
    DemoService("XQ.CSTL", "Chụp X-quang cột sống thắt lưng thẳng nghiêng", "DX", "LSPINE", "XR1", 5),
    DemoService("XQ.BANTAY", "Chụp X-quang bàn tay thẳng chếch", "DX", "HAND", "XR1", 3),
    DemoService("SA.BUNG", "Siêu âm ổ bụng", "US", "ABDOMEN", "US1", 7),
    DemoService("SA.GIAP", "Siêu âm tuyến giáp", "US", "THYROID", "US1", 7),
)
