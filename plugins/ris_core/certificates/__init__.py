"""Certificates made here: a local authority, and what it signs for the front door, DICOM and devices."""
