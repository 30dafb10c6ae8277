"""Readers of the field's annotated pictures."""
