"""`kill -9` of more than a process."""

import psutil


def kill_postgres(postmaster: int) -> None:
    """`kill -9` of a whole server."""
    process = psutil.Process(postmaster)
    children = process.children(recursive=True)
    for each in (process, *children):
        each.kill()
