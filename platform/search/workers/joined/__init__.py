"""A cluster that is joined: whether it is there, what its nodes are like, room on it, losses."""
