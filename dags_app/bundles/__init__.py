"""Bundles: the places that DAG files come from. The settings say which there are; here they are read and kept current."""
