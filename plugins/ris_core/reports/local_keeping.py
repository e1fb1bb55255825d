"""What a reader typed and the server has not got stays on the reader's computer, sealed by a key that only this gives.

The browser keeps ciphertext (AES-256-GCM, Web Crypto) and never the key: it asks for it whenever the same user is
logged in. Nobody else who uses the computer, and no copy of its disk, can read what is kept.
"""

from __future__ import annotations

from ris_core.sealing.keys import derived_key


def local_key(user_id: int) -> bytes:
    """32 bytes, the same for a user at every login, as long as the site's secret is the same."""
    return derived_key(f"words on the computer of user {user_id} 1")
