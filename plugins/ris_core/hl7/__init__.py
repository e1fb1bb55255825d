"""HL7 v2 as bytes: ER7 encoding, character sets, acknowledgements and MLLP framing; nothing of orders or reports.

Written by hand because it is the hot path of the engine's interpreter: hl7apy takes 8 to 15 ms for a small message,
this takes well under 0.1 ms. hl7apy validates in the tests what we send. Names of fields and components are those of
the standard (``ORC-2``, ``PID-3.4``).
"""
