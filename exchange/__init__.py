"""The exchange: rules, event log, engine and the command that runs them."""
