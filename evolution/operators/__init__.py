"""Operators that make offspring."""
