"""An invented exam for previews: long enough to see how a page breaks, with pictures of test patterns."""

from __future__ import annotations

import functools
import hashlib
import io
from datetime import datetime
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw

from ris_core.print_layouts.labels import LabelFacts
from ris_core.reports.content import plain_content
from ris_core.reports.sheet import PrintedImage, ReportSheet
from ris_core.settings import Settings

_CAPTIONS = (
    "Gan phải, lát cắt dưới sườn", "Túi mật", "Thận phải", "Thận trái", "Lách", "Tuỵ", "Bàng quang",
    "Động mạch chủ bụng",    "Tĩnh mạch cửa", "Đường mật", "Tiền liệt tuyến", "Hố chậu phải",
)  # fmt: skip


def sample_sheet(settings: Settings, *, images: int) -> ReportSheet:
    """The report of nobody, with ``images`` test pictures."""
    at = datetime(2026, 11, 21, 9, 40, tzinfo=ZoneInfo(settings.site.time_zone))
    return ReportSheet(
        language=settings.site.language,
        site_name=settings.site.name,
        department=settings.site.department,
        site_address=settings.site.address,
        site_phone=settings.site.phone,
        patient_name="NGUYỄN THỊ ƯỚC MẪU",
        patient_id="BN00012345",
        birth_date="21/11/1980",
        sex="F",
        accession_number="CDHA2611210001",
        service_name="Siêu âm ổ bụng tổng quát",
        ordering_physician="BS. Lê Thị Hoà",
        ordering_department="Khoa Khám bệnh",
        indication="Đau hạ sườn phải, theo dõi sỏi túi mật",
        observed_at=at.replace(hour=9, minute=5),
        status="F",
        version_number=1,
        content=plain_content(
            "Đầu dò convex 3,5 MHz, người bệnh nhịn ăn 6 giờ.",
            "Gan: kích thước bình thường, bờ đều, nhu mô đồng nhất.\n"
            "Túi mật: thành mỏng 2 mm, trong lòng có sỏi tăng âm kích thước 12 × 8 mm, kèm bóng cản phía sau.\n"
            "Đường mật trong và ngoài gan không giãn, ống mật chủ 5 mm.\n"
            "Tuỵ, lách: kích thước và cấu trúc âm bình thường.\n"
            "Thận hai bên: không sỏi, không ứ nước. Bàng quang: thành đều, không sỏi.\n"
            "Ổ bụng không có dịch tự do.",
            "Sỏi túi mật 12 mm, chưa thấy dấu hiệu viêm.",
            "Khám chuyên khoa ngoại tiêu hoá.",
        ),
        approver="ThS.BS. Trần Minh Quân",
        approved_at=at,
        viewer_url=f"{settings.public_url.rstrip('/')}/open/" + "x" * 120,
        verify_url=f"{settings.public_url.rstrip('/')}/verify/",
        key_images=sample_images()[:images],
    )


def sample_label(settings: Settings) -> LabelFacts:
    """The label of nobody."""
    return LabelFacts(
        key="ACDE3469",
        accession_number="CDHA261121000",
        patient_name="NGUYỄN THỊ ƯỚC MẪU",
        patient_id="BN00012345",
        birth_date="21/11/1980",
        sex="Nữ" if settings.site.language == "vi" else "Female",
        service_name="Chụp X quang ngực thẳng",
        modality="DX",
        department="Khoa Khám bệnh",
        exam_at=datetime(2026, 11, 21, 9, 5, tzinfo=ZoneInfo(settings.site.time_zone)),
        site_name=settings.site.name,
    )


@functools.cache
def sample_images() -> tuple[PrintedImage, ...]:
    """Twelve test patterns: a fan as of an ultrasound probe, each with its number in dots."""
    return tuple(_pattern(number, caption) for number, caption in enumerate(_CAPTIONS, start=1))


def _pattern(number: int, caption: str) -> PrintedImage:
    image = Image.new("L", (640, 480), 8)
    drawing = ImageDraw.Draw(image)
    for ring in range(9):
        radius = 430 - ring * 45
        box = (320 - radius, 30 - radius, 320 + radius, 30 + radius)
        drawing.pieslice(box, 48, 132, fill=40 + (ring * 23 + number * 17) % 150)
    drawing.ellipse((270 + number * 4, 190, 340 + number * 4, 250), fill=15)
    for dot in range(number):
        drawing.rectangle((20 + dot * 18, 450, 30 + dot * 18, 460), fill=230)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    jpeg = file.getvalue()
    return PrintedImage(jpeg, hashlib.sha256(jpeg).hexdigest(), caption)
