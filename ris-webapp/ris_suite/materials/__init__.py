"""What the suite is made of: every foreign package with its version, licence and hashes (a software bill of materials).

Read from lock files and from what setup has installed; nothing is asked of a network. ``make sbom`` writes it as
CycloneDX and checks it against the schema and the licence policy (``licences.toml``).
"""
