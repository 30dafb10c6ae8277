"""The inside of the pose table: its columns, its files, how they are committed, read and kept."""
