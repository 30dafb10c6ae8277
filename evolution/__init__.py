"""Bodies and how to breed them: arrays in, arrays out. No Ray, no files but the limit tables."""
