"""``/open/image/<token>``: one key image of a result, as the HIS was sent its link."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from ris_core.access.signing import Keyring, TokenRefused
from ris_core.access.tokens import read_image_link
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.delivery.outside import is_switched_off, version_for_outside
from ris_core.key_images.models import VersionKeyImage
from ris_core.reports.recalling import is_recalled
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.pages import outsider_headers, refuse
from ris_webapp.screens.viewer_launch.refusals import refusal_code
from ris_webapp.screens.viewer_launch.results import is_theirs


@public
@require_GET
def open_image(request: HttpRequest, token: str) -> HttpResponse:
    """The JPEG, while its report is neither recalled nor held back; what replaced the version since is told by the
    result, not here."""
    address = client_address(request)
    try:
        link = read_image_link(Keyring.from_settings(settings.QUANG), token)
    except TokenRefused as error:
        return refuse(request, refusal_code("result_link.refused", address, error, otherwise="QUANG-3101"))
    if is_switched_off(link.receiver):
        return refuse(request, "QUANG-3103")
    shown = (
        VersionKeyImage.objects.select_related("key_image", "version__reading__procedure")
        .filter(version_id=link.version_id, position=link.position)
        .first()
    )
    if shown is None or is_recalled(shown.version) or version_for_outside(shown.version.reading.procedure_id) is None:
        return refuse(request, "QUANG-3103")
    procedure = shown.version.reading.procedure
    if not is_theirs(procedure, link):
        return refuse(request, "QUANG-3103")
    record(
        Actor(f"receiver:{link.receiver}", address=address, kind=ActorKind.RECEIVER),
        "key_image.viewed",
        subject=f"exam:{procedure.pk}",
        patient_id=procedure.patient_id,
        version=shown.version.number,
        position=link.position,
    )
    return outsider_headers(HttpResponse(bytes(shown.key_image.picture), content_type="image/jpeg"))
