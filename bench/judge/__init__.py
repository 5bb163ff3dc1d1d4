"""The judging room: from samples to verdicts.

Pure: values in, values out. No file, no clock, no database and no randomness
except a numpy Generator that the caller passes may enter here.
"""
