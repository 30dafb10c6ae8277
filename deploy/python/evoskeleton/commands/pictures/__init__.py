"""Commands about pictures with people in them: detectors that learn from them."""
