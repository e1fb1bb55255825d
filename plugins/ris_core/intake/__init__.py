"""HL7 v2 messages as effects: which message does what, and how each sender's messages are read.

``reading`` tells how (profile, time zone), the ``read_…`` functions turn segments into the domain's dataclasses, and
:mod:`~ris_core.intake.kinds` lists what each message type does. ``docs/conformance/hl7.md`` tells which fields are read
and what is refused.
"""
