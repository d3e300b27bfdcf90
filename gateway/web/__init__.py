"""The page for traders: static files, served as they are."""
