"""Words of what devices do and of their images: studies, what is changed in them, and why it is refused.

Vietnamese is the source, English in locale/en.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from ris_webapp.words import Text

IMAGE_WORDS: dict[str, dict[str, Text]] = {
    "performed_status": {
        "IN PROGRESS": _("Đang làm"),
        "COMPLETED": _("Đã xong"),
        "DISCONTINUED": _("Dừng giữa chừng"),
    },
    "performed_oddity": {
        "CLOCK": _("đồng hồ máy lệch"),
        "ENDED_BEFORE_STARTED": _("giờ xong trước giờ bắt đầu"),
        "PATIENT_DIFFERS": _("mã người bệnh khác chỉ định"),
        "IDENTIFIERS_CONTRADICT": _("các mã mâu thuẫn nhau"),
        "UNSCHEDULED": _("không có trong danh sách chụp"),
        "ORDER_CANCELLED": _("chỉ định đã huỷ"),
        "STEP_WITHDRAWN": _("lịch hẹn đã huỷ"),
    },
    "readiness": {
        "NO_IMAGES": _("Máy đã báo, chưa có ảnh nào về"),
        "RECEIVING": _("Đang nhận ảnh"),
        "DEVICE_WORKING": _("Chờ máy báo xong"),
        "INCOMPLETE": _("Chờ ảnh: còn thiếu"),
        "COMPLETE": _("Đủ ảnh"),
        "OVERDUE": _("Đọc được, nhưng ảnh chưa đủ"),
    },
    "study_state": {
        "RECEIVING": _("Đang nhận ảnh"),
        "STABLE": _("Đã nhận đủ"),
        "LINKED": _("Đã khớp"),
        "READY_TO_READ": _("Chờ đọc"),
        "UNMATCHED": _("Chưa khớp"),
        "CONFLICT": _("Mâu thuẫn"),
        "REJECTED": _("Bị từ chối"),
    },
    "rule_test": {
        "equals": _("bằng"),
        "contains": _("chứa"),
        "matches": _("khớp mẫu"),
        "missing": _("để trống"),
        "present": _("có giá trị"),
    },
    "rule_action": {
        "set": _("ghi"),
        "copy": _("chép từ"),
        "replace": _("thay bằng"),
        "empty": _("bỏ trống"),
    },
    "study_operation": {
        "SPLIT": _("Tách loạt ảnh"),
        "MERGE": _("Gộp lần chụp"),
        "MOVE_SERIES": _("Chuyển loạt ảnh"),
        "CHANGE_PATIENT": _("Đổi người bệnh"),
        "REJECT_IMAGES": _("Từ chối ảnh"),
        "REJECT_STUDY": _("Từ chối lần chụp"),
    },
    "operation_state": {
        "RUNNING": _("Đang chuyển ảnh"),
        "DONE": _("Xong"),
        "UNDOING": _("Đang hoàn tác"),
        "UNDONE": _("Đã hoàn tác"),
    },
    "rejection": {
        "113001": _("Chất lượng ảnh"),
        "113037": _("An toàn người bệnh"),
        "113038": _("Chọn nhầm dòng trên danh sách chụp"),
    },
    "study_lock": {
        "READING": _("Lần chụp đang được đọc, không đổi được ảnh. Người đọc:"),
        "OPERATION": _("Ảnh đang được chuyển; chờ xong rồi làm tiếp. Người làm:"),
    },
    "copy_difference": {
        "PIXELS": _("Điểm ảnh khác nhau"),
        "ENCODING": _("Nén theo cách khác; hãy so hai ảnh"),
        "ATTRIBUTES": _("Cùng điểm ảnh, thông tin về ảnh khác nhau"),
        "UNREADABLE": _("Có tệp không đọc được"),
    },
    "copy_decision": {
        "WAITING": _("Chờ quyết định"),
        "KEEP_FIRST": _("Đã giữ ảnh lưu trước"),
        "REPLACE": _("Đã thay bằng ảnh gửi sau"),
        "BESIDE": _("Đã lưu cả hai"),
    },
    "correction_problem": {
        "OTHER_PIXELS": _(
            "Máy đã gửi hai ảnh khác nhau dưới cùng một mã ảnh và không còn chỗ giữ riêng; máy chủ ảnh đang có cả hai."
        ),
        "IDENTIFIER_TAKEN": _("Đã có một lần chụp khác ở chỗ mà ảnh này phải chuyển đến; hãy xem cả hai."),
        "UNREADABLE": _("Có tệp ảnh không đọc được nên chưa sửa được thông tin trong ảnh."),
        "FAILED": _("Chưa sửa được thông tin trong ảnh; xem mục việc nền."),
    },
    "study_refusal": {
        "REJECTED": _("Lần chụp đã bị từ chối; hoàn tác việc đó trước."),
        "NOTHING_CHOSEN": _("Chọn ít nhất một loạt ảnh."),
        "ONE_MUST_STAY": _("Phải để lại ít nhất một loạt ảnh."),
        "SAME_STUDY": _("Chọn một lần chụp khác."),
        "TWO_PATIENTS": _("Hai lần chụp là của hai người bệnh; không gộp được."),
        "UNKNOWN_PATIENTS": _("Chưa rõ hai lần chụp có cùng một người bệnh; khớp cả hai với phiếu trước."),
        "READING": _("Lần chụp đang được đọc; chờ người đọc xong."),
        "OPERATION": _("Một việc khác với lần chụp này chưa xong; chờ một chút."),
        "LATER_OPERATION": _("Có việc làm sau việc này; hoàn tác việc sau trước."),
        "SAME_PATIENT": _("Ảnh đã là của người bệnh này."),
        "CANCELLED": _("Phiếu này đã bị huỷ."),
        "DECIDED": _("Đã có quyết định về ảnh này; hoàn tác quyết định đó trước."),
        "APPROVED": _("Kết quả của ảnh này đã được duyệt; thu hồi kết quả trước."),
        "reason": _("Ghi lý do."),
        "target": _("Chọn lần chụp nhận ảnh."),
        "rejection": _("Chọn loại từ chối."),
        "accession": _("Không có phiếu nào mang số này."),
    },
    "stored_field": {
        "PatientName": _("Họ tên"),
        "PatientID": _("Mã bệnh nhân"),
        "IssuerOfPatientID": _("Nơi cấp mã"),
        "PatientBirthDate": _("Ngày sinh"),
        "PatientSex": _("Giới tính"),
        "AccessionNumber": _("Số phiếu"),
        "StudyDescription": _("Mô tả lần chụp"),
        "StudyDate": _("Ngày chụp"),
        "StudyID": _("Số lần chụp"),
        "StudyInstanceUID": _("Mã lần chụp (UID)"),
        "StudyTime": _("Giờ chụp"),
        "Modality": _("Loại máy"),
        "InstitutionName": _("Tên cơ sở"),
        "ReferringPhysicianName": _("Bác sĩ chỉ định"),
        "StationName": _("Tên máy"),
        "OtherPatientIDs": _("Mã khác của người bệnh"),
        "PatientAge": _("Tuổi"),
        "PatientComments": _("Ghi chú về người bệnh"),
        "Device": _("Máy gửi (AE title)"),
    },
}
