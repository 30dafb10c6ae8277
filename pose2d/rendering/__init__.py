"""Bred bodies as pictures: people with flesh, clothes and faces, and where their joints are."""
