"""Images without their patient: attributes by PS3.15 Annex E, text in the pixels, and what cannot be cleaned withheld.

:func:`~ris_core.deidentification.datasets.deidentify` decides over one data set, without database, clock or network;
:func:`~ris_core.deidentification.files.deidentified_file` does the same to a file of any size.
"""
