"""The one exception of the book."""


class BookError(Exception):
    """The book was driven against its contract or is damaged: a bug, never a client's mistake."""
