"""Motion capture: hierarchies of joints and their angles over time."""
