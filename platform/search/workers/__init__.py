"""What runs on Ray: islands, scorers, trainings, and their shares of a machine."""
