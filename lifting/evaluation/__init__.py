"""How test poses are seen when a lifter is judged."""
