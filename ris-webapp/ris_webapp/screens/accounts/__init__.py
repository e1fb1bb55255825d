"""Accounts: administrators open and withdraw them, everybody changes their own password."""
