"""A client's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.logon import sign_logon

if TYPE_CHECKING:
    from pathlib import Path


class SigningKey:
    """A key id with its private half."""

    def __init__(self, key_id: str, private_key: Ed25519PrivateKey) -> None:
        self.key_id = key_id
        self._private_key = private_key

    @classmethod
    def from_hex(cls, key_id: str, private_hex: str) -> Self:
        """From the 32 bytes of the private key as hexadecimal text."""
        return cls(key_id, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_hex)))

    @classmethod
    def from_file(cls, path: Path, key_id: str = "") -> Self:
        """From a PEM file (PKCS #8) as `exchange admin keys create` makes it; the key id is its name without `.pem`.

        Raises OSError, or ValueError for anything but an Ed25519 key.
        """
        private_key = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(private_key, Ed25519PrivateKey):
            raise ValueError(f"{path} holds no Ed25519 key")  # noqa: TRY004 - the file's content is a value
        return cls(key_id or path.stem, private_key)

    @classmethod
    def generate(cls, key_id: str) -> Self:
        """A new key."""
        return cls(key_id, Ed25519PrivateKey.generate())

    @property
    def public_hex(self) -> str:
        """The public half, as an operator registers it."""
        return self._private_key.public_key().public_bytes_raw().hex()

    @property
    def private_hex(self) -> str:
        """The private half, to be kept secret."""
        return self._private_key.private_bytes_raw().hex()

    def sign(self, nonce: str) -> str:
        """The signature for a logon."""
        return sign_logon(self._private_key, self.key_id, nonce)
