"""The venue's Ed25519 key: signs what the venue publishes about its log, so that others can check it far from here.

A signature covers a domain (a text that ends with a line feed, such as "carbon-exchange head 1") and then the message,
so that what was signed as one thing never passes for another.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path


class KeyUnusable(Exception):  # noqa: N818 - it says what is wrong with the file
    """A file does not hold a private key that may be used; the text says why."""


class VenueKey:
    """A private key in memory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_hex = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        """The public half, 32 bytes as hexadecimal text."""
        self.public_pem = (
            private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        )
        """The public half as SubjectPublicKeyInfo."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key from a PEM file that only its owner can read. Raises KeyUnusable and FileNotFoundError."""
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"{path} can be read by others: chmod 600 it, or make a new key")
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise KeyUnusable(f"{path} holds no unencrypted private key in PEM form") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyUnusable(f"{path} holds another kind of key than Ed25519")
        return cls(private)

    @classmethod
    def load_or_create(cls, path: Path) -> tuple[Self, bool]:
        """Read a key, made first where the file is missing, and whether it was; the file appears whole or not at all.

        Raises KeyUnusable and OSError.
        """
        created = False
        if not path.exists():
            created = _create(path)
        return cls.load(path), created

    def sign(self, domain: bytes, message: bytes) -> str:
        """The signature, 64 bytes as hexadecimal text; the same every time."""
        return self._private.sign(domain + message).hex()


def is_signed(public_hex: str, domain: bytes, message: bytes, signature_hex: str) -> bool:
    """Whether the signature is that of the key's owner for this domain and message; both texts as `VenueKey` writes them."""
    try:
        key, signature = bytes.fromhex(public_hex), bytes.fromhex(signature_hex)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, domain + message)
    except (InvalidSignature, ValueError):
        return False
    # Blanks and capitals would be read as well, but a signature has one text.
    return (key.hex(), signature.hex()) == (public_hex, signature_hex)


def _create(path: Path) -> bool:
    """Make a key file of mode 0600; False if somebody else was quicker."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # Unlike renaming, this does not replace a key that another process made meanwhile.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(unfinished)
            _sync_folder(path.parent)
            return True
        return False
    finally:
        unfinished.unlink()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
