"""The exchange: domain, event log, engine and operators' tools."""
