"""Use cases of the reader: choose an image, describe it, arrange, take away, put back. One transaction each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.answers import StoredImage
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed, NotInEngine
from ris_core.errors import NotPermitted
from ris_core.key_images.errors import NoPicture, NoSuchImage, TooManyKeyImages
from ris_core.key_images.models import KeyImage
from ris_core.key_images.rendering import Picture, picture_of
from ris_core.key_images.rules import MAXIMUM_KEY_IMAGES, Choice, arranged, clean_caption
from ris_core.key_images.seeing import chosen_of, seen_by
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import Study


def choose(procedure_id: int, study: Study, choice: Choice, engine: Engine, actor: Actor) -> KeyImage:
    """Keep an image of ``study`` with the picture that the reader saw. Choosing the same again changes nothing.

    :param study: a linked study of the exam, which the caller has checked
    :raises NoSuchImage: the study has no such image (any more)
    :raises NoPicture: it has no pixels that can be printed
    :raises TooManyKeyImages: the exam has :data:`MAXIMUM_KEY_IMAGES`
    """
    image = _image(engine, study, choice)
    picture = _picture(engine, image, choice)
    with transaction.atomic():
        procedure = RequestedProcedure.objects.select_for_update().get(pk=procedure_id)
        same = (
            seen_by(actor.user_id, procedure_id)
            .filter(sop_instance_uid=choice.sop_instance_uid, frame=choice.frame, sha256=picture.sha256)
            .first()
        )
        if same is not None and same.removed_at is None:
            return same
        if chosen_of(procedure_id, actor.user_id).count() >= MAXIMUM_KEY_IMAGES:
            raise TooManyKeyImages(f"an exam has at most {MAXIMUM_KEY_IMAGES} key images", field="key_images")
        kept = same or _new(procedure, image, choice, picture, actor)
        kept.removed_at = None
        kept.position = 1 + (chosen_of(procedure_id, actor.user_id).aggregate(last=Max("position"))["last"] or 0)
        kept.save()
        _tell(kept, procedure, actor, "key_image.chosen")
    return kept


@transaction.atomic
def describe(procedure_id: int, key_image_id: int, caption: str, actor: Actor) -> KeyImage:
    """Write the line under an image; versions approved before keep theirs.

    :raises NoSuchImage, InvalidValue: nothing was changed
    """
    kept, procedure = _locked(procedure_id, key_image_id, actor)
    text = clean_caption(caption)
    if text != kept.caption:
        kept.caption = text
        kept.save(update_fields=["caption"])
        _tell(kept, procedure, actor, "key_image.described")
    return kept


@transaction.atomic
def remove(procedure_id: int, key_image_id: int, actor: Actor) -> None:
    """Take an image away from the next version; it can be put back by :func:`restore`."""
    kept, procedure = _locked(procedure_id, key_image_id, actor)
    if kept.removed_at is None:
        kept.removed_at = timezone.now()
        kept.save(update_fields=["removed_at"])
        _tell(kept, procedure, actor, "key_image.removed")


@transaction.atomic
def restore(procedure_id: int, key_image_id: int, actor: Actor) -> None:
    """Undo of :func:`remove`.

    :raises TooManyKeyImages: others have been chosen meanwhile
    """
    kept, procedure = _locked(procedure_id, key_image_id, actor)
    if kept.removed_at is None:
        return
    if chosen_of(procedure_id, actor.user_id).count() >= MAXIMUM_KEY_IMAGES:
        raise TooManyKeyImages(f"an exam has at most {MAXIMUM_KEY_IMAGES} key images", field="key_images")
    kept.removed_at = None
    kept.save(update_fields=["removed_at"])
    _tell(kept, procedure, actor, "key_image.restored")


@transaction.atomic
def arrange(procedure_id: int, order: list[int], actor: Actor) -> None:
    """Put the exam's key images into this order; those that ``order`` does not name follow."""
    procedure = RequestedProcedure.objects.select_for_update().get(pk=procedure_id)
    present = list(chosen_of(procedure_id, actor.user_id).values_list("pk", flat=True))
    wanted = arranged(present, order)
    if wanted == present:
        return
    for position, key in enumerate(wanted, start=1):
        KeyImage.objects.filter(pk=key).update(position=position)
    record(actor, "key_image.arranged", subject=f"exam:{procedure.pk}", patient_id=procedure.patient_id)
    announce("exam", procedure.pk)


def _image(engine: Engine, study: Study, choice: Choice) -> StoredImage:
    try:
        image = engine.image_of(study.orthanc_id, choice.sop_instance_uid)
    except NotInEngine as error:
        raise NoSuchImage("the study has no such image", field="sop_instance_uid") from error
    if image.series_instance_uid != choice.series_instance_uid or choice.frame > image.frame_count:
        raise NoSuchImage("the series has no such image or frame", field="series_instance_uid")
    if not image.rows or not image.columns:
        raise NoPicture("the object has no pixels", field="sop_class_uid")
    return image


def _picture(engine: Engine, image: StoredImage, choice: Choice) -> Picture:
    window = (choice.window.center, choice.window.width) if choice.window else None
    try:
        frame = engine.rendered_frame(image.orthanc_id, choice.frame, window)
    except EngineFailed as error:
        raise NoPicture("the engine can make no picture of this image", field="sop_class_uid") from error
    return picture_of(frame, columns=image.columns, rows=image.rows, view=choice.view, inverted=choice.inverted)


def _new(procedure: RequestedProcedure, image: StoredImage, choice: Choice, picture: Picture, actor: Actor) -> KeyImage:
    if actor.user_id is None:
        raise NotPermitted("only a person chooses key images", field="actor")
    return KeyImage(
        procedure=procedure,
        study_instance_uid=choice.study_instance_uid,
        series_instance_uid=image.series_instance_uid,
        sop_instance_uid=choice.sop_instance_uid,
        sop_class_uid=image.sop_class_uid,
        frame=choice.frame,
        frame_count=image.frame_count,
        window_center=choice.window.center if choice.window else None,
        window_width=choice.window.width if choice.window else None,
        inverted=choice.inverted,
        view=asdict(choice.view) if choice.view else None,
        picture=picture.jpeg,
        sha256=picture.sha256,
        width=picture.width,
        height=picture.height,
        chosen_by_id=actor.user_id,
        chosen_at=timezone.now(),
    )


def _locked(procedure_id: int, key_image_id: int, actor: Actor) -> tuple[KeyImage, RequestedProcedure]:
    procedure = RequestedProcedure.objects.select_for_update().filter(pk=procedure_id).first()
    kept = seen_by(actor.user_id, procedure_id).filter(pk=key_image_id).defer("picture").first()
    if procedure is None or kept is None:
        raise NoSuchImage("the exam has no such key image", field="key_image")
    return kept, procedure


def _tell(kept: KeyImage, procedure: RequestedProcedure, actor: Actor, action: str, **details: Any) -> None:
    record(
        actor, action, subject=f"exam:{procedure.pk}", patient_id=procedure.patient_id,
        image=kept.sop_instance_uid, frame=kept.frame, sha256=kept.sha256, **details,
    )  # fmt: skip
    announce("exam", procedure.pk)
