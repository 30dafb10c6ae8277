"""Which bodies are possible: joint limits, trunk, balance, plausibility."""
