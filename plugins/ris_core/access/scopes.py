"""What a program with an API key may do: data, read by the API (to refuse) and by the screen (to choose from)."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """One thing that a key may be allowed; a key has the scopes it was made with and no others."""

    ORDERS_WRITE = "orders:write"
    """Place, change and cancel orders in the name of the key's sender."""
    ORDERS_READ = "orders:read"
    """Orders, how far each exam is, and which studies belong to it."""
    PATIENTS_WRITE = "patients:write"
    """Add patients and correct their data."""
    PATIENTS_READ = "patients:read"
    """Every patient of this institution."""
    REPORTS_READ = "reports:read"
    """Approved reports and their documents."""
    DEVICES_READ = "devices:read"
    """The registry of devices, and why an order is not on one's worklist."""
    AUDIT_READ = "audit:read"
    """Who saw and did what: the audit trail, for auditors' programs."""
    ACCOUNTS_MANAGE = "accounts:manage"
    """Accounts and groups that an identity system keeps here by SCIM: its own, and no others."""


LIMITABLE = frozenset({Scope.ORDERS_READ, Scope.PATIENTS_READ, Scope.REPORTS_READ, Scope.DEVICES_READ})
"""Scopes of a key that sees only a part of the archive; what is written or watched by the others has no such bounds."""
