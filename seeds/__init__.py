"""Room: seeds makes the data. It knows the schema; no HTTP and no statistics may enter."""
