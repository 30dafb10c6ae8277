"""A campaign towards given people, and what it has changed."""
