"""Events of market making whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.forms import Event
from exchange.domain.identity import Role
from exchange.domain.making.forms import (
    FixPasswordSet,
    FixSessionRegistered,
    ProtectionReset,
    ProtectionSet,
    ProtectionTripped,
)

_HASH = "scrypt$14$8$1$c2FsdA$aGFzaA"

MAKING_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("protection_set", 1): [
        ProtectionSet("ACME-1", "VCS-1340-2020", 1_000_000_000, 5000, 10, "acme-key"),
        ProtectionSet("ACME-1", "VCS-1340-2020", 0, 0, 0, "local-operator"),
    ],
    ("protection_tripped", 1): [ProtectionTripped("ACME-1", "VCS-1340-2020", 5010, 3)],
    ("protection_reset", 1): [
        ProtectionReset("ACME-1", "VCS-1340-2020", "acme-key"),
        ProtectionReset("ACME-1", "VCS-1340-2020", "ACMEFIX"),
    ],
    ("fix_session_registered", 1): [
        FixSessionRegistered("local-operator", "ACMEFIX", "ACME-1", Role.MARKET_MAKER, _HASH),
        FixSessionRegistered(
            "local-operator",
            "ACMETEST",
            "ACME-1",
            Role.TRADER,
            _HASH,
            resets_on_logon=True,
            cancels_on_disconnect=False,
        ),
    ],
    ("fix_password_set", 1): [FixPasswordSet("local-operator", "ACMEFIX", _HASH)],
}
