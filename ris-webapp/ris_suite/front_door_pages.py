"""What the front door says itself: the web app does not answer, or a request is too large. In both languages: who asks,
only the web app knows."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class _Said:
    """In Vietnamese, then in English."""

    status: int
    code: str
    titles: tuple[str, str]
    advice: tuple[str, str]


_SAID: Final = {
    "away": _Said(
        502,
        "QUANG-8001",
        ("Hệ thống chưa trả lời", "The system does not answer yet"),
        (
            "Hệ thống đang khởi động lại hoặc quá tải. Những gì đã lưu vẫn còn; hãy tải lại trang sau ít phút. "
            "Nếu vẫn lỗi, báo mã này cho phòng CNTT.",
            "It is being restarted, or has too much to do. What was saved is kept; load the page again in a few "
            "minutes. If it goes on, tell IT this code.",
        ),
    ),
    "too-large": _Said(
        413,
        "QUANG-8002",
        ("Nội dung gửi lên quá lớn", "Too large to be sent"),
        (
            "Chưa lưu gì cả. Hãy quay lại, chọn tệp nhỏ hơn rồi gửi lại; ảnh chụp thì dùng màn hình Nhập ảnh ngoài.",
            "Nothing was saved. Go back, choose a smaller file and send it again; images go through Import outside "
            "images.",
        ),
    ),
}

_STYLE: Final = """
:root { color-scheme: light dark; }
body { margin: 0; font: 15px/1.5 "Be Vietnam Pro", "Noto Sans", system-ui, sans-serif; }
body { background: #f6f7f9; color: #1b2430; }
main { box-sizing: border-box; max-width: 560px; margin: 0 auto; padding: 12vh 20px 40px; }
h1 { margin: 0 0 8px; font-size: 22px; }
section + section { margin-top: 28px; padding-top: 20px; border-top: 1px solid #c9d0d9; }
h2 { margin: 0 0 8px; font-size: 17px; }
p { margin: 0 0 12px; }
code { font-size: 14px; }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #e4e8ed; }
  section + section { border-color: #3a434e; }
}
"""

OWN_PAGES_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


def _page(said: _Said) -> str:
    (title, english_title), (advice, english_advice) = said.titles, said.advice
    return f"""<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Quang</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<section><h1>{title}</h1><p>{advice}</p></section>
<section lang="en"><h2>{english_title}</h2><p>{english_advice}</p></section>
<p><code>{said.code}</code></p>
</main>
</body>
</html>
"""


def _problem(said: _Said) -> str:
    body = {
        "type": f"urn:quang:{said.code}",
        "title": said.titles[0],
        "status": said.status,
        "code": said.code,
        "detail": " ".join(said.advice),
    }
    return json.dumps(body, ensure_ascii=False)


OWN_PAGES: Final = {
    **{f"{name}.html": _page(said) for name, said in _SAID.items()},
    **{f"{name}.json": _problem(said) for name, said in _SAID.items()},
}
"""By file name."""
