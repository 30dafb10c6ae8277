"""The same calls over HTTP, for browsers."""
