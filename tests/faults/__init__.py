"""Killing, freezing and cutting real processes under load."""
