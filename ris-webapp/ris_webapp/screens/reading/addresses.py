"""The reading page's own addresses, as its scripts are given them."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse


def page_address(exam_id: int) -> str:
    """The reading page of an exam."""
    return reverse("reading:page", args=[exam_id])


def images_window_address(exam_id: int, priors: Sequence[int] = ()) -> str:
    """The window that shows only the images, with those of priors beside them."""
    address = reverse("reading:images", args=[exam_id])
    return f"{address}?with={','.join(str(prior) for prior in priors)}" if priors else address


def script_addresses(exam_id: int) -> dict[str, str]:
    """By the names that ``frontend/src/reading/status.ts`` knows."""
    names = ("status", "draft", "template", "approve", "claim", "release", "amend", "compare", "keep", "versions",
        "differences", "compare_states")  # fmt: skip
    return {
        **{name: reverse(f"reading:{name}", args=[exam_id]) for name in names},
        "keyImages": reverse("reading:key_images", args=[exam_id]),
        "measurements": reverse("reading:measurements", args=[exam_id]),
        "preview": reverse("reading:preview", args=[exam_id]),
        "localKeep": reverse("reading:local_keep"),
        "next": reverse("reading:next"),
        "sign": reverse("signing:sign_exam", args=[exam_id]),
        "signing": reverse("signing:signing"),
        "learn": reverse("reading:learn_word"),
        "login": reverse("login:login"),
        "worklist": reverse("worklist:worklist"),
    }
