"""Makes the data."""
