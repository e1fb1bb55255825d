"""A captcha of our own, asked at the login after wrong passwords (Q6): digits in a picture, or a question in words.

No outside service is asked and nothing is kept until it is answered: the signed token names random bytes, from which
the answer follows by the server's secret alone. It counts for :data:`SECONDS`, and once, rightly answered or not.
Whoever cannot see the picture asks for the question, which a screen reader reads. What it buys is time and the cost of
writing a program for it; the lock of a name and the closing of an address hold beside it.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from random import SystemRandom
from typing import Final

from axes.models import AccessAttempt
from django.conf import settings
from django.core import signing
from django.db.models import Sum
from django.http import QueryDict
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image, ImageDraw, ImageFont

from ris_core.access.services import used_first
from ris_core.accounts.guessing import failures_from
from ris_core.directories.rules import name_that_counts
from ris_core.errors import QuangError

SECONDS: Final = 300
TOKEN, ANSWER, KIND = "captcha", "captcha_answer", "captcha_kind"
"""Fields of the login form; the last is the button that asks for another one: ``words`` or ``picture``."""
_SALT: Final = "quang.login.captcha"
_DIGITS: Final = "23456789"
_LENGTH: Final = 5
_WIDTH, _HEIGHT = 200, 64
_IN_WORDS: Final = {
    "2": gettext_lazy("hai"), "3": gettext_lazy("ba"), "4": gettext_lazy("bốn"), "5": gettext_lazy("năm"),
    "6": gettext_lazy("sáu"), "7": gettext_lazy("bảy"), "8": gettext_lazy("tám"), "9": gettext_lazy("chín"),
}  # fmt: skip
_WHICH: Final = (
    gettext_lazy("thứ nhất"), gettext_lazy("thứ hai"), gettext_lazy("thứ ba"), gettext_lazy("thứ tư"),
    gettext_lazy("thứ năm"),
)  # fmt: skip


class NotSolved(QuangError):
    """A captcha was to be solved and was not: no answer, a wrong one, too late, or answered before."""

    code = "QUANG-1414"


@dataclass(frozen=True, slots=True)
class Captcha:
    """One that is asked: either picture or question is empty."""

    token: str
    picture: str = ""
    """PNG as a data: address."""
    question: str = ""


def is_asked(name: str, address: str) -> bool:
    """Whether a login of this name from there needs one."""
    access = settings.QUANG.access
    if not access.captcha_after:
        return False
    attempts = AccessAttempt.objects.filter(
        username=name_that_counts(name), attempt_time__gt=timezone.now() - settings.AXES_COOLOFF_TIME
    )
    failures = attempts.aggregate(all=Sum("failures_since_start"))["all"] if name else 0
    if (failures or 0) >= access.captcha_after:
        return True
    from_there = access.failed_logins_per_address // 2
    return bool(from_there) and failures_from(address, from_there) >= from_there


def made(*, in_words: bool = False) -> Captcha:
    """A new one."""
    nonce = secrets.token_hex(12)
    token = signing.dumps([nonce, in_words], salt=_SALT)
    digits, left_out = _digits(nonce)
    if not in_words:
        drawn = base64.b64encode(_drawn(digits)).decode()
        return Captcha(token, picture=f"data:image/png;base64,{drawn}")
    words = ", ".join(str(_IN_WORDS[digit]) for digit in digits)
    question = _("Viết liền bằng chữ số, bỏ số %(which)s: %(words)s.") % {"which": _WHICH[left_out], "words": words}
    return Captcha(token, question=question)


def asked_again(form: QueryDict) -> Captcha:
    """The next one: as the button says that was pressed, else of the same kind as before."""
    kind = form.get(KIND)
    if kind is None:
        try:
            return made(in_words=bool(signing.loads(form.get(TOKEN, "")[:256], salt=_SALT)[1]))
        except (signing.BadSignature, ValueError, TypeError):
            return made()
    return made(in_words=kind == "words")


def solve(form: QueryDict) -> None:
    """Take the answer in a login form; the captcha is over then.

    :raises NotSolved: it is none
    """
    if KIND in form:
        raise NotSolved("another one is asked for", field=KIND)
    token = form.get(TOKEN, "")[:256]
    try:
        nonce, _in_words = signing.loads(token, salt=_SALT, max_age=SECONDS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotSolved("no captcha, or one of too long ago", field=ANSWER) from error
    now = timezone.now()
    if not used_first("login:captcha", nonce, now + timedelta(seconds=SECONDS), now):
        raise NotSolved("this captcha was answered before", field=ANSWER)
    given = "".join(form.get(ANSWER, "")[:64].split())
    if not hmac.compare_digest(given.encode(), answer_of(token).encode()):
        raise NotSolved("wrong", field=ANSWER)


def answer_of(token: str) -> str:
    """What solves the captcha of this token."""
    nonce, in_words = signing.loads(token, salt=_SALT)
    digits, left_out = _digits(nonce)
    return digits[:left_out] + digits[left_out + 1 :] if in_words else digits


def _digits(nonce: str) -> tuple[str, int]:
    """The digits, and the place of the one that the question leaves out."""
    random = salted_hmac(_SALT, nonce, algorithm="sha256").digest()
    return "".join(_DIGITS[each % len(_DIGITS)] for each in random[:_LENGTH]), random[_LENGTH] % _LENGTH


def _drawn(digits: str) -> bytes:
    """The digits turned, apart by chance, with lines across them."""
    chance = SystemRandom()
    picture = Image.new("L", (_WIDTH, _HEIGHT), 255)
    for place, digit in enumerate(digits):
        tile = Image.new("L", (56, 56), 0)
        font = ImageFont.load_default(size=chance.randint(36, 44))
        ImageDraw.Draw(tile).text((28, 28), digit, fill=255, font=font, anchor="mm")
        turned = tile.rotate(chance.uniform(-18, 18), Image.Resampling.BICUBIC)
        across = 4 + place * 36 + chance.randint(-4, 4)
        picture.paste(chance.randint(30, 90), (across - 8, chance.randint(0, 8)), turned)
    draw = ImageDraw.Draw(picture)
    for _line in range(5):
        ends = [chance.randint(0, _WIDTH // 4), chance.randint(8, _HEIGHT - 8), chance.randint(_WIDTH * 3 // 4, _WIDTH),
                chance.randint(8, _HEIGHT - 8)]  # fmt: skip
        draw.line(ends, fill=chance.randint(90, 160), width=1)
    for _dot in range(250):
        draw.point((chance.randrange(_WIDTH), chance.randrange(_HEIGHT)), fill=chance.randint(0, 160))
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
