"""Plots of results, and the report of a benchmark."""
