"""Prepares the machine: each step is skipped while its stamp, a hash of what went in, is current."""
