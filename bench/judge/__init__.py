"""The judging room: from samples to verdicts.

Pure: values in, values out.
"""
