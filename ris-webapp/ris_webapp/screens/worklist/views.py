"""The worklist of exams."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from ris_core.accounts.rules import Function
from ris_webapp.permission import UserRequest, requires


@requires(Function.VIEW_WORKLIST)
def worklist(request: UserRequest) -> HttpResponse:
    """The page itself."""
    return render(request, "worklist/worklist.html", {})
