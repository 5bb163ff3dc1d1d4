"""Make the data of the resale shop."""
