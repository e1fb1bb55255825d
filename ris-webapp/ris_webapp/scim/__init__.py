"""SCIM 2.0 (RFC 7643, 7644): an identity system keeps its accounts and groups here, by a key with its own scope."""
