"""Databases that a study can be measured on."""
