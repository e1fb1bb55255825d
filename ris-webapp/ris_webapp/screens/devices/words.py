"""Words for what the registry knows: echo results, filters, quirks, and the reasons why an order is not on a device."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

ECHO: dict[str, Text] = {
    "ANSWERED": _("Trả lời"),
    "UNKNOWN_HOST": _("Không tìm thấy tên máy trong mạng: sửa địa chỉ"),
    "REFUSED": _("Máy không mở cổng này: kiểm tra cổng, phần mềm DICOM trên máy"),
    "UNREACHABLE": _("Không tới được máy: kiểm tra nguồn, dây mạng, tường lửa"),
    "REJECTED": _("Máy từ chối: khai báo AE title của hệ thống trên máy, kiểm tra AE title của máy"),
    "ENGINE": _("Máy chủ DICOM không trả lời: thử lại sau"),
}
STATIONS: dict[str, Text] = {
    "own": _("Ca của máy này và ca chưa chỉ định máy"),
    "group": _("Thêm ca của các máy cùng nhóm"),
    "any": _("Ca của mọi máy"),
}
STATUSES: dict[str, Text] = {
    "SCHEDULED": _("Đã xếp lịch"),
    "ARRIVED": _("Đã đến"),
    "READY": _("Sẵn sàng chụp"),
    "STARTED": _("Đang chụp"),
}
KEYS: dict[str, Text] = {
    "AccessionNumber": _("Số phiếu"),
    "Modality": _("Loại máy"),
    "PatientID": _("Mã người bệnh"),
    "PatientName": _("Tên người bệnh"),
    "RequestedProcedureID": _("Mã chỉ định"),
    "ScheduledProcedureStepStartDate": _("Ngày hẹn"),
    "ScheduledProcedureStepStartTime": _("Giờ hẹn"),
    "ScheduledStationAETitle": _("AE title của máy"),
    "StudyInstanceUID": _("UID của lần chụp"),
}
SERVICES: dict[str, Text] = {
    "WORKLIST": _("lấy danh sách chụp"),
    "STORE": _("gửi ảnh"),
    "REPORT": _("báo việc đã làm (MPPS)"),
    "ASSOCIATION": _("kết nối"),
    "QUERY": _("tìm lần chụp"),
    "RETRIEVE": _("lấy ảnh"),
    "COMMITMENT": _("hỏi ảnh đã lưu chưa"),
}
REFUSALS: dict[str, Text] = {
    "UNKNOWN": _("AE title này chưa được đăng ký."),
    "WITHDRAWN": _("Máy đã đăng ký nhưng ngừng dùng: chọn Đang dùng nếu máy trở lại."),
    "ADDRESS": _("Máy gọi từ địa chỉ không phải của nó: sửa Địa chỉ hoặc Gọi đến từ, hoặc có máy khác lấy tên này."),
    "PLAIN": _("Máy gọi không mã hoá mà chỉ được gọi bằng TLS: đặt TLS trên máy, hoặc cho phép."),
    "CERTIFICATE": _("Chứng thư không phải của máy này: cài đúng chứng thư, hoặc sửa Tên chứng thư."),
    "CALLED": _("Máy gọi sai AE title của hệ thống: sửa AE title được gọi trên máy."),
    "NOT_ALLOWED": _("Máy không có quyền này: sửa máy nếu máy cần."),
}

REASONS: dict[str, Text] = {
    "REGISTERED": _("Máy đã đăng ký"),
    "ACTIVE": _("Máy đang dùng"),
    "MAY_QUERY": _("Máy được lấy danh sách chụp"),
    "ON_WORKLIST": _("Ca còn trên danh sách chụp"),
    "ENCODABLE": _("Dữ liệu của ca gửi được cho máy"),
    "STATION": _("Máy được chỉ định"),
    "MODALITY": _("Loại máy"),
    "ROOM": _("Phòng"),
    "DEPARTMENT": _("Khoa chỉ định"),
    "STATUS": _("Trạng thái của ca"),
    "WINDOW": _("Ngày hẹn trong khoảng của máy"),
    "IDENTIFIERS": _("Mã số viết được bằng bảng mã của máy"),
    "HAS_ASKED": _("Máy đã hỏi danh sách"),
    "LIMIT": _("Chưa quá số ca tối đa, ca khẩn xếp trước"),
}
ADVICE: dict[str, Text] = {
    "REGISTERED": _("Đăng ký máy với đúng AE title, phân biệt chữ hoa."),
    "ACTIVE": _("Sửa máy, chọn Đang dùng."),
    "MAY_QUERY": _("Sửa máy, chọn Được lấy danh sách chụp."),
    "ON_WORKLIST": _("Ca đã chụp, đã huỷ hoặc đã dừng; cần chụp lại thì đặt chỉ định mới."),
    "ENCODABLE": _("Sửa trường được nêu trong chỉ định."),
    "STATION": _("Đổi máy của ca, hoặc cho máy này thấy ca của nhóm trong bộ lọc."),
    "MODALITY": _("Thêm loại máy vào phần đăng ký, hoặc sửa loại máy của ca."),
    "ROOM": _("Đổi phòng của ca, hoặc thêm phòng vào bộ lọc của máy."),
    "DEPARTMENT": _("Thêm khoa vào bộ lọc của máy."),
    "STATUS": _("Đổi trạng thái của ca (đã đến…), hoặc bỏ điều kiện này trong bộ lọc của máy."),
    "WINDOW": _("Đổi ngày hẹn, hoặc nới khoảng ngày trong bộ lọc của máy."),
    "IDENTIFIERS": _("Mã có chữ tiếng Việt không bị đổi khi gửi: đặt bảng mã ISO_IR 192 cho máy, hoặc sửa mã."),
    "HAS_ASKED": _("Máy chưa hỏi lần nào: kiểm tra địa chỉ, cổng và AE title của hệ thống khai báo trên máy."),
    "LIMIT": _("Quá số ca tối đa: hẹp điều kiện tìm trên máy, hoặc tăng giới hạn của máy."),
}
KEY_FAILED = _(
    "Máy tìm theo giá trị khác: sửa điều kiện tìm trên máy, hoặc bỏ qua điều kiện này trong tính nết của máy."
)
KEY_UNKNOWN = _("Máy tìm theo nội dung này; hệ thống không giữ lại tên người bệnh mà máy tìm.")
