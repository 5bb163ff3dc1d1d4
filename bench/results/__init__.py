"""The documents of a run: one typed model for each, written, read and shown."""
