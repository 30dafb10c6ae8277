"""Poses for others: described, looked at, published."""
