"""What a patient agrees to who shows results to others; a changed text is a new version, former ones stay."""

from __future__ import annotations

from typing import Final

TEXTS: Final[dict[str, dict[str, str]]] = {
    "2026-1": {
        "vi": (
            "Tôi đồng ý cho người có đường dẫn xem kết quả và ảnh của các ca tôi chọn, đến ngày tôi đặt. Tôi có thể "
            "thu hồi từng đường dẫn hoặc rút lại đồng ý này bất cứ lúc nào; khi đó các đường dẫn không mở được nữa. "
            "Bệnh viện không lấy lại được những gì người nhận đã xem, chụp màn hình hoặc ghi lại. Mỗi lần mở đều được "
            "ghi lại."
        ),
        "en": (
            "I agree that whoever has the link sees results and images of the exams I choose, until the day I set. I "
            "may revoke each link, or withdraw this consent, at any time; the links then open nothing. The hospital "
            "cannot take back what receivers have seen, photographed or noted down. Each opening is recorded."
        ),
    },
}
CURRENT: Final = "2026-1"


def text_in(language: str) -> str:
    """The text in force."""
    return TEXTS[CURRENT]["en" if language == "en" else "vi"]
