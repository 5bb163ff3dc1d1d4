"""SQLite: opened and copied, counted, with its statistics and indexes exchanged."""
