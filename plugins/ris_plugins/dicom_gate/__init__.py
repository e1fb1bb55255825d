"""The gate before the engine's DICOM port: who may associate, for what, plain or by TLS, and what was queried."""
