"""Passes over programs of the loop language."""
