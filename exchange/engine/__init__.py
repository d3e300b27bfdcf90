"""The single writer: sequencer, group commit, output gate, and the way in for gateways and operators."""
