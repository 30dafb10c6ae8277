"""Campaigns beside one another."""
