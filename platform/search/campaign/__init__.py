"""One campaign: its settings, its folder, its loop, its report."""
