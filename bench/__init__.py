"""The harness: measure, judge, show, in that direction only."""
