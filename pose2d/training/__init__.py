"""The training of a heat-map detector, and what it measures of itself."""
