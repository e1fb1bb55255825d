"""Modality worklist: devices ask Orthanc (C-FIND), the RIS's schedule answers."""

from __future__ import annotations

from orthanc_host.host import Host, WorklistReply, WorklistRequest
from ris_core.settings import Settings
from ris_core.worklist.answering import FetchLog, WorklistAnswering


def register(host: Host, settings: Settings) -> None:
    """Answer worklist queries, and write the log of fetches in the background.

    Orthanc writes every answer in UTF-8, whatever it is given; devices that read another set are answered in ASCII here
    and in their own set by :mod:`ris_core.worklist.scp`.
    """
    fetch_log = FetchLog(lambda count: host.report("worklist fetches forgotten", count=count))
    answering = WorklistAnswering(settings, fetch_log, writes_sets=False)

    def answer(request: WorklistRequest) -> WorklistReply:
        found = answering.answer(request.identifier, request.calling_ae_title, request.address)
        return WorklistReply(found.answers, found.complete)

    host.on_worklist(answer)
    host.in_background(
        "worklist-fetch-log",
        lambda stopping: fetch_log.keep_writing(lambda: host.guarded("worklist fetch log"), stopping),
    )
