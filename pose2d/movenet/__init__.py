"""MoveNet: several people of a picture found at once, by their middles."""
