"""Passes over graphs: graph to graph, meaning kept. Each file is one pass and says what it may assume and what it guarantees."""
