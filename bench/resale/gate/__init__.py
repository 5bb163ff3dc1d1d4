"""The gate of the built-in study: its trees, their databases, and how they are run."""
