"""The HTTP side of a gateway: health, metrics, public market data, schemas, and the page for traders."""
