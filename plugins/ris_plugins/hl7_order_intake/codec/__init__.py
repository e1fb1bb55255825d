"""Order messages (ORM^O01, OMG^O19, OMI^O23) as commands of the domain.

:func:`~ris_plugins.hl7_order_intake.codec.message.read_commands` is the face; ``docs/conformance/hl7.md`` tells which
fields are read and what is refused.
"""

from ris_plugins.hl7_order_intake.codec.message import Action, OrderCommand, read_commands

__all__ = ["Action", "OrderCommand", "read_commands"]
