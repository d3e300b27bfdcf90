"""The deterministic venue: instruments, ledger, commands in, events out. No clock, no I/O, no floats."""
