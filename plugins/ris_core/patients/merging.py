"""Merge two records of one person, and take that back exactly (domain invariant 8).

Everything of the merged record becomes the survivor's, so that lists, worklists and matching need not know of merges;
the row of the merge keeps what was moved. A merged record may have been the survivor of earlier merges: what they
moved goes on with it, and comes back to where it was in whichever order merges are undone.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import PatientIdentifier as Identifier
from ris_core.patients.belongings import have_a_primary, keys_of, lock_patients, move, take_out, with_what_hangs_on
from ris_core.patients.consequences import records_changed
from ris_core.patients.errors import MergeRefused
from ris_core.patients.models import Patient, PatientIdentifier, PatientMerge
from ris_core.patients.survivors import merges_into, survivor_of
from ris_core.sight.services import keep_confidential


@transaction.atomic
def merge_patients(merged_id: int, survivor_id: int, actor: Actor, *, reason: str = "") -> PatientMerge:
    """``merged_id`` is the same person as ``survivor_id``: its data become the survivor's.

    A survivor that was merged itself stands for its own survivor. The same merge again changes nothing.

    :raises NotFound: no such patient
    :raises MergeRefused: a record and itself, a ring, or a record that was merged into somebody else before
    """
    if merged_id == survivor_id:
        raise MergeRefused("a patient record cannot be merged into itself", field="survivor")
    survivor_id = locked_survivor(merged_id, survivor_id)
    if survivor_id == merged_id:
        raise MergeRefused(
            "the other record has been merged into this one; undo that merge first, or keep this one", field="survivor"
        )
    earlier = PatientMerge.objects.filter(merged_id=merged_id, undone_at__isnull=True).first()
    if earlier is not None:
        if survivor_of(merged_id) == survivor_id:
            return earlier
        raise MergeRefused("the record has been merged into another patient; undo that merge first", field="merged")
    primary = PatientIdentifier.objects.filter(patient_id=merged_id, is_primary=True).first()
    moved = move(keys_of(merged_id), merged_id, survivor_id)
    merge = PatientMerge.objects.create(
        merged_id=merged_id,
        survivor_id=survivor_id,
        moved=moved,
        primary_identifier_id=primary.pk if primary else None,
        reason=reason[:255],
        merged_at=timezone.now(),
        merged_by=actor.name,
    )
    Patient.objects.filter(pk=merged_id).update(merged_into_id=survivor_id, updated_at=timezone.now())
    have_a_primary(survivor_id)
    keep_confidential(merged_id, survivor_id, actor)
    record(
        actor,
        "patient.merged",
        subject=f"patient:{merged_id}",
        patient_id=survivor_id,
        merge=merge.pk,
        moved=moved,
        reason=merge.reason,
    )
    records_changed("patient.merged", [survivor_id], merged=merged_id)
    return merge


@transaction.atomic
def unmerge_patients(merge_id: int, actor: Actor, *, reason: str) -> PatientMerge:
    """Take a merge back: the merged record is a patient again, with everything that came from it.

    What has come to the survivor since stays there, but for what came to visits, orders and exams that go back: their
    new exams and images. A visit is moved by :func:`ris_core.patients.visits.move_visit`.
    Taking back what was taken back changes nothing.

    :raises NotFound: no such merge
    :raises InvalidValue: no reason given
    :raises MergeRefused: the survivor would be left without an identifier
    :raises IdentityConflict: images, or orders made here and the HIS's, are linked across both records
    """
    if not reason.strip():
        raise InvalidValue("say why the merge is undone", field="reason")
    merge = PatientMerge.objects.filter(pk=merge_id).first()
    if merge is None:
        raise NotFound("there is no such merge", field="merge")
    merged_id = merge.merged_id
    holder_id = locked_survivor(merged_id, merge.survivor_id)
    merge.refresh_from_db()
    if merge.undone_at is not None:
        return merge
    given_back = move(with_what_hangs_on(merge.moved), holder_id, merged_id)
    if not PatientIdentifier.objects.filter(patient_id=holder_id, retired_at__isnull=True).exists():
        raise MergeRefused("the surviving record would have no identifier; give it one first", field="survivor")
    for later in _merges_from(merge.survivor_id):
        take_out(later, given_back)
    Patient.objects.filter(pk=merged_id).update(merged_into_id=None, updated_at=timezone.now())
    have_a_primary(merged_id, merge.primary_identifier_id)
    have_a_primary(holder_id)
    merge.undone_at, merge.undone_by, merge.undone_reason = timezone.now(), actor.name, reason.strip()[:255]
    merge.save(update_fields=["undone_at", "undone_by", "undone_reason"])
    record(
        actor,
        "patient.unmerged",
        subject=f"patient:{merged_id}",
        patient_id=holder_id,
        merge=merge.pk,
        given_back=given_back,
        reason=merge.undone_reason,
    )
    records_changed("patient.unmerged", [holder_id, merged_id], merged=merged_id)
    return merge


def came_by(identifier: Identifier) -> PatientMerge | None:
    """The merge that brought ``identifier`` to the patient who has it; none when it was always theirs."""
    row = PatientIdentifier.objects.filter(
        value=identifier.value, issuer=identifier.issuer, kind=identifier.kind
    ).first()
    if row is None:
        return None
    merges = merges_into(row.patient_id)
    return next((merge for merge in merges if row.pk in merge.moved.get("identifiers", ())), None)


def locked_survivor(merged_id: int, survivor_id: int) -> int:
    """Lock both records and whoever has the survivor's data now, with the exams of all; the key of the latter.

    :raises NotFound: no such patient
    """
    end = survivor_of(survivor_id)
    while True:
        locked = lock_patients((merged_id, survivor_id, end))
        if not {merged_id, survivor_id} <= locked.keys():
            raise NotFound("there is no such patient", field="patient")
        if locked[end].merged_into_id is None:
            return end
        end = survivor_of(end)  # merged on while we waited for the lock


def _merges_from(patient_id: int) -> Iterator[PatientMerge]:
    """The merges that hold from ``patient_id`` on to the end of the chain."""
    while True:
        merge = PatientMerge.objects.filter(merged_id=patient_id, undone_at__isnull=True).first()
        if merge is None:
            return
        yield merge
        patient_id = merge.survivor_id
