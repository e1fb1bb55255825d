"""``manage.py notify``: who is told of what happens to exams, and how."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ris_core.audit.services import Actor
from ris_core.errors import QuangError
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.receivers import register_receiver, tell_of, withdraw_receiver
from ris_core.notifications.rules import Event, Transport

_ACTOR = Actor("command line")
_WAYS = {
    "hl7": Transport.HL7_STATUS,
    "availability": Transport.INSTANCE_AVAILABILITY,
    "mpps": Transport.MPPS,
}


class Command(BaseCommand):
    help = "Tells a receiver of events of exams, or withdraws it; without a code lists receivers and what they want."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("code", nargs="?", default="", help="the receiver's name here")
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--hl7", metavar="RECEIVER", help="order status by HL7 to a receiver of results")
        way.add_argument("--availability", metavar="AE-TITLE", help="Instance Availability Notification to a device")
        way.add_argument("--mpps", metavar="AE-TITLE", help="performed procedure steps forwarded to a device")
        way.add_argument("--off", action="store_true", help="tell it of nothing any more")
        parser.add_argument("--event", action="append", default=[], choices=[event.value for event in Event])
        parser.add_argument("--modality", default="", help="only exams of this modality")
        parser.add_argument("--source", default="", help="only exams ordered by this sender (MSH-3|MSH-4)")
        parser.add_argument("--message", default="ORM", choices=("ORM", "OMG"), help="HL7 message, ORM^O01 or OMG^O19")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        try:
            self._change(options)
        except QuangError as error:
            raise CommandError(f"{error.code} {error.detail}") from error
        for receiver in NotificationReceiver.objects.prefetch_related("rules").order_by("code"):
            rules = [f"{rule.event} {rule.modality} {rule.source}".strip() for rule in receiver.rules.all()]
            state = ", ".join(sorted(rules)) if receiver.active else "off"
            self.stdout.write(f"{receiver.code} ({receiver.transport}): {state}")

    def _change(self, options: dict[str, Any]) -> None:
        code = options["code"]
        if not code:
            return
        if options["off"]:
            withdraw_receiver(code, _ACTOR)
            return
        ways = [(transport, options[name]) for name, transport in _WAYS.items() if options[name]]
        if not ways:
            raise CommandError("say how: --hl7, --availability or --mpps")
        ((transport, address),) = ways
        receiver = register_receiver(code, transport, address, _ACTOR, hl7_message=options["message"])
        for event in options["event"]:
            tell_of(receiver, event, _ACTOR, modality=options["modality"], source=options["source"])
