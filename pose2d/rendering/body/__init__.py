"""The body that is drawn: its surface at rest, and how it takes a pose."""
