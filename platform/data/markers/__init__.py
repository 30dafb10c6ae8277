"""Recordings of markers: files that hold where points of a body were, frame by frame."""
