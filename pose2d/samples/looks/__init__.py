"""What a training sees of a person: drawn by address, in batches."""
