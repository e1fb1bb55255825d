"""What the signing page shows: reports to sign, under way, failed and signed, with one's key and batches."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ris_core.reports.models import ReportRecall, ReportVersion, VersionStatus
from ris_core.signatures.credentials import is_unlocked, preferred_credential
from ris_core.signatures.models import Signature, SigningBatch, SigningCredential
from ris_core.signatures.rules import MOST_IN_A_BATCH, UNDER_WAY, BatchState, SignatureState

BOXES = ("to_sign", "under_way", "failed", "signed")
MOST_ROWS = MOST_IN_A_BATCH
_BATCHES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A report version, with its newest signature if there is one."""

    version: ReportVersion
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class ShownBatch:
    batch: SigningBatch
    total: int
    signed: int
    failed: int

    @property
    def ended(self) -> int:
        return self.signed + self.failed

    @property
    def share(self) -> int:
        """What has ended, in percent."""
        return self.ended * 100 // max(1, self.total)


@dataclass(frozen=True, slots=True)
class Board:
    box: str
    rows: list[BoardRow]
    counts: dict[str, int]
    credential: SigningCredential | None
    unlocked: bool
    batches: list[ShownBatch]


def board_of(user_id: int, box: str) -> Board:
    """The page of ``user_id``; at most :data:`MOST_ROWS` rows, the newest first."""
    credential = preferred_credential(user_id)
    return Board(
        box=box,
        rows=_rows(user_id, box),
        counts={name: _query(user_id, name)[: MOST_ROWS + 1].count() for name in BOXES},
        credential=credential,
        unlocked=credential is not None and is_unlocked(credential),
        batches=_batches(user_id),
    )


def _query(user_id: int, box: str) -> QuerySet[ReportVersion]:
    """Versions that the user approved and that are in force, by what became of their signature."""
    newer = ReportVersion.objects.filter(reading=OuterRef("reading"), number__gt=OuterRef("number"))
    signatures = Signature.objects.filter(version=OuterRef("pk"))
    in_force = ReportVersion.objects.filter(
        ~Exists(newer),
        ~Exists(ReportRecall.objects.filter(version=OuterRef("pk"))),
        approved_by_id=user_id,
        status__in=(VersionStatus.FINAL, VersionStatus.CORRECTED),
    )
    under_way = Exists(signatures.filter(state__in=UNDER_WAY))
    signed = Exists(signatures.filter(state=SignatureState.SIGNED))
    failed = Exists(signatures.filter(state=SignatureState.FAILED))
    chosen = {
        "to_sign": in_force.filter(~under_way, ~signed, ~failed),
        "under_way": in_force.filter(under_way),
        "failed": in_force.filter(failed, ~under_way, ~signed),
        "signed": in_force.filter(signed),
    }[box]
    return chosen.order_by("-approved_at", "-pk")


def _rows(user_id: int, box: str) -> list[BoardRow]:
    found = _query(user_id, box).select_related("reading__procedure__patient", "reading__procedure__request")
    versions = list(found[:MOST_ROWS])
    newest: dict[int, Signature] = {}
    for signature in Signature.objects.filter(version__in=versions).order_by("pk"):
        newest[signature.version_id] = signature
    return [BoardRow(version, newest.get(version.pk)) for version in versions]


def _batches(user_id: int) -> list[ShownBatch]:
    """Those that go on, and the latest that have ended today."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    found = SigningBatch.objects.filter(owner_id=user_id).filter(
        Q(state__in=(BatchState.RUNNING, BatchState.PAUSED)) | Q(started_at__gte=today)
    )
    counted = found.annotate(
        total=Count("signatures"),
        signed=Count("signatures", filter=Q(signatures__state__in=(SignatureState.SIGNED, SignatureState.WITHDRAWN))),
        failed=Count("signatures", filter=Q(signatures__state__in=(SignatureState.FAILED, SignatureState.CANCELLED))),
    ).order_by("-started_at")
    return [ShownBatch(row, row.total, row.signed, row.failed) for row in counted[:_BATCHES_SHOWN]]
