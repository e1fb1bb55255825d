"""The exam as the reading page's scripts see it: one answer after every action and every live change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.delivery.models import Delivery, DeliveryState
from ris_core.exam_lists.services import readers
from ris_core.key_images.models import KeyImage, VersionKeyImage
from ris_core.key_images.seeing import chosen_of
from ris_core.notices.services import open_notices
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import Content, plain_content
from ris_core.reports.models import Reading, ReportVersion
from ris_core.reports.rendering import texts_of
from ris_core.reports.texts import content_of
from ris_core.second_readings.models import Opinion
from ris_core.second_readings.plans import progress_of, shown_reading
from ris_core.second_readings.rules import Progress
from ris_webapp.permission import UserRequest
from ris_webapp.screens.notices.sentences import ShownNotice, shown
from ris_webapp.screens.reading.addresses import images_window_address
from ris_webapp.screens.reading.age import age_in_words
from ris_webapp.screens.reading.images import ExamImages, images_of
from ris_webapp.screens.reading.priors import OpenedPrior, priors_beside
from ris_webapp.screens.reading.rights import Rights, rights_of
from ris_webapp.screens.signing.on_reading_page import ShownSignature, shown_signature
from ris_webapp.screens.viewer_launch.hanging import PLAINLY, Hung, hung_for
from ris_webapp.screens.viewer_launch.ohif import viewer_address


@dataclass(frozen=True, slots=True)
class ReadingPage:
    """Everything that the page shows of an exam but the order and the priors, read once."""

    exam: RequestedProcedure
    reading: Reading | None
    rights: Rights
    version: ReportVersion | None
    """The newest approved version."""
    deliveries: tuple[Delivery, ...]
    """Of that version."""
    images: ExamImages
    sees_images: bool
    signing: ShownSignature
    """Of the newest version."""
    key_images: tuple[KeyImage, ...] = ()
    """For readers those that go with the next version, for everyone else those that went with the approved one."""
    notices: tuple[ShownNotice, ...] = ()
    """What has changed under the reader's hands and nobody has acknowledged."""
    readers: tuple[User, ...] = ()
    """To whom the reader can hand it over."""
    progress: Progress | None = None
    """Where several read the exam: how far they have come."""
    opinions: tuple[Opinion, ...] = ()
    """Those that the user may see now."""
    hung: Hung = PLAINLY
    """How the images are laid out for this user."""
    beside: tuple[OpenedPrior, ...] = ()
    """Earlier exams whose images are opened with the exam's."""

    @property
    def content(self) -> Content:
        """The draft for readers, what was approved for everyone else."""
        if self.rights.sees_draft and self.reading is not None:
            return content_of(self.reading)
        return content_of(self.version) if self.version else plain_content()

    @property
    def shows_approved_text(self) -> bool:
        """Whether the text in the page is, word for word, the approved version's."""
        return self.version is not None and self.content == content_of(self.version)

    @property
    def has_text(self) -> bool:
        return any(texts_of(self.content).values())


def reading_page(user: User, exam: RequestedProcedure, *, with_priors: bool = False) -> ReadingPage:
    """What ``user`` sees of ``exam`` now.

    :param with_priors: also find the earlier exams that lie beside it; only a page that opens them asks for it
    """
    reading = shown_reading(exam.pk, user.pk)
    versions = ReportVersion.objects.select_related("approved_by").filter(reading__procedure=exam)
    version = versions.order_by("reading__ordinal", "-number").first() if reading else None
    deliveries = (
        Delivery.objects.select_related("receiver").filter(version=version).order_by("receiver__code")
        if version
        else Delivery.objects.none()
    )
    rights = rights_of(user, exam, reading)
    progress = progress_of(exam.pk)
    images = images_of(exam)
    sees_images = may(user.role, Function.VIEW_IMAGES)
    hung = hung_for(exam, user=user.username, role=user.role)
    return ReadingPage(
        exam=exam,
        reading=reading,
        rights=rights,
        version=version,
        deliveries=tuple(deliveries),
        images=images,
        sees_images=sees_images,
        signing=shown_signature(user, version),
        key_images=tuple(chosen_of(exam.pk, user.pk)) if rights.sees_draft else _frozen(version),
        notices=tuple(shown(open_notices(patient_ids=[exam.patient_id], procedure_ids=[exam.pk]))),
        readers=tuple(readers().exclude(pk=user.pk)) if rights.hand_over else (),
        progress=progress,
        opinions=_opinions(user, exam, progress),
        hung=hung,
        beside=tuple(priors_beside(exam, hung, user)) if with_priors and sees_images and images.study_uids else (),
    )


def _opinions(user: User, exam: RequestedProcedure, progress: Progress | None) -> tuple[Opinion, ...]:
    if progress is None or not may(user.role, Function.READ_EXAM):
        return ()
    opinions = Opinion.objects.filter(procedure=exam).select_related("reader").order_by("position")
    return tuple(opinions if progress.opinions_are_open else opinions.filter(reader=user))


def _frozen(version: ReportVersion | None) -> tuple[KeyImage, ...]:
    if version is None:
        return ()
    frozen = VersionKeyImage.objects.filter(version=version).select_related("key_image").order_by("position")
    return tuple(item.key_image for item in frozen.defer("key_image__picture"))


def status_of(request: UserRequest, page: ReadingPage) -> dict[str, Any]:
    """``page`` as JSON: numbers and texts for the editor, and two rendered fragments."""
    context = {"page": page, "exam": page.exam, "DeliveryState": DeliveryState, **who_of(page.exam)}
    uids = page.images.study_uids if page.sees_images else []
    return {
        "reading": page.reading.pk if page.reading else 0,
        "revision": page.reading.draft_revision if page.reading else 0,
        "savedAt": clock_with_seconds(page.reading.draft_saved_at if page.reading else None),
        "content": page.content.as_json(),
        "texts": texts_of(page.content),
        "rights": asdict(page.rights),
        "shows": {
            "preview": page.rights.sees_draft and page.reading is not None and page.has_text,
            "history": page.version is not None or _has_earlier_drafts(page),
            "sign": page.signing.offered,
        },
        "who": render_to_string("reading/who.html", context, request),
        "head": render_to_string("reading/head.html", context, request),
        "keyImages": render_to_string("reading/key_images.html", {"key_images": page.key_images, **context}, request),
        "images": {
            "studies": uids,
            "state": page.images.state,
            "instances": page.images.instance_count,
            "beside": [prior.exam.pk for prior in page.beside],
            "addresses": viewer_addresses(page.exam, uids, page.beside, page.hung) if uids else None,
            "note": render_to_string("reading/images_note.html", context, request),
        },
        "csrf": get_token(request),
    }


def _has_earlier_drafts(page: ReadingPage) -> bool:
    return page.rights.sees_draft and page.reading is not None and page.reading.draft_states.exists()


def who_of(exam: RequestedProcedure) -> dict[str, Any]:
    """The person whose exam it is, as the strip above the images names them."""
    identifiers = exam.patient.identifiers.filter(retired_at__isnull=True)
    return {
        "patient": exam.patient,
        "identifiers": sorted(identifiers, key=lambda each: (not each.is_primary, each.kind, each.value)),
        "age": age_in_words(exam.patient.birth_date, timezone.localdate(exam.scheduled_at)),
    }


def viewer_addresses(
    exam: RequestedProcedure, study_uids: list[str], priors: Sequence[OpenedPrior] = (), hung: Hung = PLAINLY
) -> dict[str, str]:
    """Where the images are shown, with those of ``priors``: in the page's frame, and in a window of their own."""
    uids = [*study_uids, *(uid for prior in priors for uid in prior.study_uids)]
    return {
        "frame": viewer_address(uids, hung=hung, own_studies=len(study_uids), compare=bool(priors)),
        "window": images_window_address(exam.pk, [prior.exam.pk for prior in priors]),
    }


def clock_with_seconds(at: datetime | None) -> str:
    """``14:02:11`` in the site's zone; empty for none."""
    return timezone.localtime(at).strftime("%H:%M:%S") if at else ""
