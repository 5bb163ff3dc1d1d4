"""The process of one side of the gate: it runs the code of one tree, and no other."""
