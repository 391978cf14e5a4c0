"""Graphs as text, in both directions, and as pictures. Nothing else in `tracer` needs it."""
