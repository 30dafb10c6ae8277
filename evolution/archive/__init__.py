"""The quality-diversity archive: descriptors of poses, novelty, coverage."""
