"""Graph to graph, changing the meaning: forward mode, linearization, transposition."""
