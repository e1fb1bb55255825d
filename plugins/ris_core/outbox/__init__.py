"""What is owed to other systems, whatever it is: kept, sent in order, repeated until acknowledged, given up visibly.

:mod:`ris_core.delivery` (results) and :mod:`ris_core.notifications` (what happens to exams) are the two outboxes.
"""
