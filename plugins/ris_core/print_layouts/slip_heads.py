"""Under whose name a slip is printed: the letterhead of the layout that the exam's report would have, so that who
orders for several houses or departments finds the right one on every paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.choosing import USUAL, layout_for, usual_layout, with_pictures
from ris_core.print_layouts.design import Letterhead
from ris_core.print_layouts.typesetting import SCHEME, File
from ris_core.settings import Site

_LOGO: Final = "logo"
TYPESET_LOGO: Final = SCHEME + _LOGO
"""Address of the logo on a page that is typeset."""


@dataclass(frozen=True, slots=True)
class SlipHead:
    """Names and logo at the top of a slip; what a layout leaves empty is the site's."""

    letterhead: Letterhead
    logo: File | None = None

    @property
    def files(self) -> dict[str, File]:
        """What a page that is typeset shows of it."""
        return {_LOGO: self.logo} if self.logo else {}

    def html(self, logo_address: str) -> Markup:
        """The head of a slip's page.

        :param logo_address: where the page gets the logo from, when there is one
        """
        head = self.letterhead
        picture = Markup('<img src="{}" alt="">').format(logo_address) if self.logo else Markup("")
        lines = (("above", head.above), ("hospital", head.hospital), ("department", head.department))
        said = Markup("").join(Markup('<span class="{}">{}</span>').format(*line) for line in lines if line[1])
        return Markup('{}<div class="head">{}</div>').format(picture, said)


def slip_head(exam: RequestedProcedure | None, site: Site) -> SlipHead:
    """The head of a slip of ``exam``; of one that is for several exams, by the usual layout."""
    layout = usual_layout() if exam is None else layout_for(exam)
    chosen = with_pictures(layout.current) if layout else USUAL
    own = chosen.design.letterhead
    filled = own.over(hospital=site.name, department=site.department, address=site.address, phone=site.phone)
    return SlipHead(filled, chosen.pictures.get(own.logo))
