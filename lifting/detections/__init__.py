"""What detectors make of a body: how they err, what they hide, and what they mix."""
