"""The demo market: real projects and serial numbers, invented participants and prices (see `market.toml`)."""
