"""Hanging as data: which images lie where when an exam is opened, for whom, and which earlier exams lie beside it.

Pure. The first protocol whose conditions all hold is used; of its layouts the first that finds its images. What an
empty condition names is everything. The format is described in ``docs/how-to/hanging-protocols.md``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from ris_core.errors import InvalidValue
from ris_core.matching.body_regions import REGIONS

MOST_PROTOCOLS: Final = 100
MOST_PRIORS: Final = 3
PLAIN: Final = "viewer"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Words = Annotated[tuple[Text, ...], msgspec.Meta(max_length=24)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Lines = Annotated[int, msgspec.Meta(ge=1, le=4)]
_ROLE: Final = re.compile(r"[A-Z0-9_]{2,16}")
_MODALITY: Final = re.compile(r"[A-Z0-9]{1,16}")


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Linear window (PS3.3 C.11.2.1.2), in the image's units (HU for CT)."""

    center: float
    width: Annotated[float, msgspec.Meta(ge=1)]


class Viewport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which images one field of the grid shows: those for which everything that is named holds."""

    prior: Annotated[int, msgspec.Meta(ge=0, le=MOST_PRIORS)] = 0
    """0: the exam that is read; 1: the most relevant earlier one, and so on."""
    number: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    """The first of the series that fit, the second, …, in the order of their numbers."""
    modalities: Words = ()
    views: Words = ()
    """View Position (0018,5101), or the view's code: CC, MLO, ML, LM, PA, AP, LL, RL, …; one of them."""
    laterality: Literal["", "L", "R"] = ""
    plane: Literal["", "axial", "coronal", "sagittal"] = ""
    description: Words = ()
    """One of them is part of Series Description or Protocol Name, without regard to case."""
    not_description: Words = ()
    at_least: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    """Images or frames of the series; keeps localizers out."""
    window: Window | None = None
    anchor: Literal["", "left", "right"] = ""
    """The image touches this edge: breasts lie back to back."""


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A grid, filled by rows."""

    name: Text
    rows: Lines
    columns: Lines
    viewports: Annotated[tuple[Viewport, ...], msgspec.Meta(min_length=1, max_length=16)]
    needs: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    """So many viewports find their images, or the next layout is tried; 0: all."""

    @property
    def needed(self) -> int:
        return self.needs or len(self.viewports)


class Protocol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whom and for which exams, and how."""

    code: Code
    name: Text
    layouts: Annotated[tuple[Layout, ...], msgspec.Meta(max_length=8)] = ()
    on: bool = True
    users: Words = ()
    """User names; those named go before anybody's group only by the order of the protocols."""
    roles: Words = ()
    modalities: Words = ()
    regions: Words = ()
    """Of the service's name: :data:`ris_core.matching.body_regions.REGIONS`."""
    priors: Annotated[int, msgspec.Meta(ge=0, le=MOST_PRIORS)] = 0
    """Earlier exams that are opened beside, when they are relevant enough."""
    mode: Literal["viewer", "tmtv"] = PLAIN
    """``tmtv``: PET and CT fused, with layouts of the viewer's own."""


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How relevant an earlier exam is: the sum of what applies."""

    same_region: float = 50
    other_region: float = -40
    """Both exams name regions, and none is the same."""
    same_modality: float = 30
    related_modality: float = 10
    same_side: float = 10
    other_side: float = -30
    recent: float = 20
    """For an exam of the same day; half of it after ``half_life_days``, and so on."""
    half_life_days: Annotated[float, msgspec.Meta(gt=0)] = 365
    minimum: float = 60
    """Below it an exam is not relevant, and never opened by itself."""
    related: tuple[Words, ...] = (("CR", "DX", "DR"), ("CT", "MR"), ("CT", "PT"))
    """Groups of modalities that are compared with each other."""


class HangingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All protocols in the order in which they are tried, and the weights of earlier exams."""

    protocols: Annotated[tuple[Protocol, ...], msgspec.Meta(max_length=MOST_PROTOCOLS)] = ()
    weights: Weights = Weights()


def rules_from_json(content: Any) -> HangingRules:
    """:raises InvalidValue: ``detail`` says what is wrong and where"""
    try:
        rules = msgspec.convert(content, HangingRules)
    except msgspec.ValidationError as error:
        raise InvalidValue(str(error), field="rules") from error
    codes = [protocol.code for protocol in rules.protocols]
    for number, protocol in enumerate(rules.protocols):
        where = f"$.protocols[{number}]"
        if codes.count(protocol.code) > 1:
            raise InvalidValue(f"{where}: the code {protocol.code!r} is there twice", field="rules")
        _check(protocol, where)
    return rules


def protocol_for(
    rules: HangingRules, *, user: str, role: str, modality: str, regions: frozenset[str]
) -> Protocol | None:
    """The first protocol whose conditions hold; none: the viewer lays out by itself.

    :param user: the user's name, empty for somebody from outside, whom only protocols for everybody fit
    """
    for protocol in rules.protocols:
        if (
            protocol.on
            and (not protocol.users or user in protocol.users)
            and (not protocol.roles or role in protocol.roles)
            and (not protocol.modalities or modality in protocol.modalities)
            and (not protocol.regions or not regions.isdisjoint(protocol.regions))
        ):
            return protocol
    return None


def _check(protocol: Protocol, where: str) -> None:
    for role in protocol.roles:
        if not _ROLE.fullmatch(role):
            raise InvalidValue(f"{where}.roles: {role!r} is no role's code", field="rules")
    for region in protocol.regions:
        if region not in REGIONS:
            raise InvalidValue(f"{where}.regions: there is no region {region!r}", field="rules")
    for modality in protocol.modalities:
        if not _MODALITY.fullmatch(modality):
            raise InvalidValue(f"{where}.modalities: {modality!r} is no modality", field="rules")
    for number, layout in enumerate(protocol.layouts):
        if len(layout.viewports) != layout.rows * layout.columns:
            wanted = f"{layout.rows} × {layout.columns} viewports"
            raise InvalidValue(f"{where}.layouts[{number}]: {len(layout.viewports)} instead of {wanted}", field="rules")
        if layout.needs > len(layout.viewports):
            raise InvalidValue(f"{where}.layouts[{number}]: needs more viewports than it has", field="rules")
        if any(viewport.prior > protocol.priors for viewport in layout.viewports):
            raise InvalidValue(f"{where}.layouts[{number}]: shows more earlier exams than priors says", field="rules")
