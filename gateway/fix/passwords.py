"""Passwords of FIX sessions: made here, kept as scrypt hashes."""

from __future__ import annotations

import base64
import secrets

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_LOG2_N, _R, _P = 14, 8, 1
"""16 MiB and some 50 ms for each logon."""
_SALT_BYTES, _KEY_BYTES = 16, 32
_PASSWORD_BYTES = 24


def new_password() -> str:
    """A password that nobody guesses, without characters that configuration files treat in their own way."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def hash_password(password: str) -> str:
    """`scrypt$log2(N)$r$p$salt$key`, salt and key in URL-safe base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    key = Scrypt(salt, _KEY_BYTES, 2**_LOG2_N, _R, _P).derive(password.encode())
    return f"scrypt${_LOG2_N}${_R}${_P}${_text(salt)}${_text(key)}"


def proves_password(password_hash: str, password: str) -> bool:
    """Whether a hash is that of the password. Takes its time: call it in a thread."""
    _, log2_n, r, p, salt, key = password_hash.split("$")
    scrypt = Scrypt(base64.urlsafe_b64decode(salt), _KEY_BYTES, 2 ** int(log2_n), int(r), int(p))
    try:
        scrypt.verify(password.encode(), base64.urlsafe_b64decode(key))
    except InvalidKey:
        return False
    return True


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
