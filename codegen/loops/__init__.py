"""The loop language, and how a graph becomes a program of it."""
