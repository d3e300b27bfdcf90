"""The venue's key: made once, kept from others, and signatures with one text each."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exchange.log.signing import KeyUnusable, VenueKey, is_signed

DOMAIN = b"test 1\n"


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """The first call makes a file for its owner alone, later calls read it; nothing else is left in the folder."""
    path = tmp_path / "venue.pem"
    first, made_first = VenueKey.load_or_create(path)
    second, made_second = VenueKey.load_or_create(path)
    assert (True, False) == (made_first, made_second)
    assert first.public_hex == second.public_hex
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    """Whoever is quicker makes the key, the others take it."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: VenueKey.load_or_create(tmp_path / "venue.pem"), range(16)))
    assert 1 == len({key.public_hex for key, _ in found})
    assert 1 == sum(made for _, made in found)
    assert 1 == len(list(tmp_path.iterdir()))


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key that leaked must not sign."""
    path = tmp_path / "venue.pem"
    VenueKey.load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match="can be read by others"):
        VenueKey.load(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """Neither text, nor a locked key, nor a key of another kind passes for the venue's."""
    kept = Ed25519PrivateKey.generate()
    other = generate_private_key(SECP256R1())
    contents = {
        "text": b"not a key",
        "kind": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "half": kept.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())[:60],
    }
    said = []
    for name, content in contents.items():
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        with pytest.raises(KeyUnusable) as refusal:
            VenueKey.load(path)
        said.append(str(refusal.value).removeprefix(str(path)))
    assert [
        " holds no unencrypted private key in PEM form",
        " holds another kind of key than Ed25519",
        " holds no unencrypted private key in PEM form",
    ] == said


def test_a_signature_holds_for_its_key_domain_and_message() -> None:
    """Any other key, domain, message or text of the signature is refused, capitals of the same number too."""
    key, other = VenueKey(Ed25519PrivateKey.generate()), VenueKey(Ed25519PrivateKey.generate())
    signature = key.sign(DOMAIN, b"message")
    assert signature == key.sign(DOMAIN, b"message")
    assert is_signed(key.public_hex, DOMAIN, b"message", signature)
    refused = [
        is_signed(other.public_hex, DOMAIN, b"message", signature),
        is_signed(key.public_hex, b"test 2\n", b"message", signature),
        is_signed(key.public_hex, DOMAIN, b"messages", signature),
        is_signed(key.public_hex, DOMAIN, b"message", other.sign(DOMAIN, b"message")),
        is_signed(key.public_hex, DOMAIN, b"message", signature.upper()),
        is_signed(key.public_hex.upper(), DOMAIN, b"message", signature),
        is_signed(key.public_hex, DOMAIN, b"message", signature + " "),
        is_signed(key.public_hex, DOMAIN, b"message", ""),
        is_signed("", DOMAIN, b"message", signature),
        is_signed("no number", DOMAIN, b"message", signature),
    ]
    assert [False] * len(refused) == refused
