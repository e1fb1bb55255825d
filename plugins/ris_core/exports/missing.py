"""What is missing from an export, said in its own files: whoever gets them does not see our screens."""

from __future__ import annotations

from typing import Final

from ris_core.exports.models import Missing
from ris_core.exports.packing import Named
from ris_core.exports.staged import Staged

FILE_NAME: Final = "MISSING.TXT"
_WHY: Final = {
    Missing.NOT_GIVEN: "kho ảnh không đưa được tệp / the archive could not give the file",
    Missing.GONE: "đã bị lấy khỏi kho trong lúc xuất / taken out of the archive meanwhile",
    Missing.UNREADABLE: "tệp không đọc được / the file cannot be read",
    Missing.NOT_RENDERED: "không dựng được hết hình / not all pictures could be made",
    Missing.ONLY_AS_FILE: "có tệp DICOM, không có hình trong trình xem / as a DICOM file, not in the viewer",
    Missing.NO_PICTURE: "không có hình để xuất / has no picture",
}
_LACKING: Final = """\
Thiếu {left_out} đối tượng. Xin bản xuất mới nếu cần; ảnh gốc vẫn ở nơi xuất.
{left_out} objects are missing. Ask for a new export where they matter; the originals are kept where this was made.
"""
_WHOLE: Final = """\
Không thiếu tệp nào; những tệp sau phải mở bằng phần mềm DICOM.
No file is missing; those named here have to be opened with DICOM software.
"""
_INCOMPLETE: Final = "BẢN XUẤT KHÔNG ĐỦ / INCOMPLETE EXPORT"
_COMPLETE: Final = "KHÔNG XUẤT ĐƯỢC Ở DẠNG NÀY / NOT IN THIS FORM"


def missing_list(staged: Staged) -> list[Named]:
    """The file that names it; none when nothing is missing."""
    if not staged.gaps:
        return []
    state = _INCOMPLETE if staged.is_incomplete else _COMPLETE
    told = _LACKING.format(left_out=staged.left_out) if staged.left_out else _WHOLE
    head = f"{state}\n\n{told}\n"
    lines = [f"{gap.sop_instance_uid}  {gap.called}  {_WHY[gap.reason]}" for gap in staged.gaps]
    path = staged.folder / FILE_NAME
    path.write_text((head + "\n".join(lines) + "\n").replace("\n", "\r\n"), encoding="utf-8-sig")
    return [(FILE_NAME, path)]
