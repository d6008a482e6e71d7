"""Looks into a network: what is large in it, how steep its loss is, and how curved."""
