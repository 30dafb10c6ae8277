"""Clients of the endpoint, for programs that speak Python."""
