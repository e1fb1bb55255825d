"""FHIR R4 for the programs of other systems, under ``/fhir/``.

The models of ``fhir.resources`` check what comes and what goes; they are those of R4B (4.3.0), which for the resources
here have the same elements as R4 (4.0.1): R4B changed medication definition, evidence and subscription only.
"""
