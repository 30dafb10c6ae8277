"""Annotated people in pictures: readers of the field's files, and how a training looks at them."""
