"""FIX 4.4 for market makers. Codec, dictionary and session take bytes and give events and bytes: no I/O, no clock."""
