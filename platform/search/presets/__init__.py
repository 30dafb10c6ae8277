"""Settings that come with the package."""
