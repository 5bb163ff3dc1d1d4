"""The parts of the report, each from its document to a section."""
