"""From samples to verdicts.

Pure: values in, values out.
"""
