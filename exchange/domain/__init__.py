"""The venue: instruments, commands, events, rejects, ledger. Pure and deterministic."""
