"""Proof of a key at logon: an Ed25519 signature over the server's nonce.

The signed message is the UTF-8 text of three lines, joined by a newline, without one at the end:

    carbon-exchange logon v1
    <key id>
    <nonce as it was received, 64 hexadecimal digits>

A key id has no newline in it, so no two requests share a message. The nonce is used for one attempt on one connection:
a recorded signature proves nothing afterwards.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_DOMAIN = "carbon-exchange logon v1"


def logon_message(key_id: str, nonce: str) -> bytes:
    """The bytes to sign."""
    return f"{_DOMAIN}\n{key_id}\n{nonce}".encode()


def sign_logon(private_key: Ed25519PrivateKey, key_id: str, nonce: str) -> str:
    """The signature as 128 hexadecimal digits."""
    return private_key.sign(logon_message(key_id, nonce)).hex()


def proves_key(public_key: str, key_id: str, nonce: str, signature: str) -> bool:
    """Whether the signature is by the key; anything malformed is not."""
    try:
        raw = bytes.fromhex(signature)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            raw, logon_message(key_id, nonce)
        )
    except (InvalidSignature, ValueError):
        return False
    return True
