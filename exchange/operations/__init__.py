"""What operators run: the `exchange` command."""
