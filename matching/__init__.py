"""One price-time order book and its rules: integers in, events out, no clock, no I/O, no money, no carbon."""
