"""Code made from `annotation/proto` by `python -m evoskeleton.annotation.generate`: never edited."""
