"""The single writer: sequencer, group commit, output gate, and its client."""
