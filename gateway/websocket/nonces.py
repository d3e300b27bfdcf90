"""Nonces for logons: chance comes in here and nowhere else."""

from __future__ import annotations

import secrets

_NONCE_BYTES = 32


def new_nonce() -> str:
    """32 random bytes as 64 hexadecimal digits."""
    return secrets.token_hex(_NONCE_BYTES)
