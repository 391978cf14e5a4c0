"""From a simplified graph to loop nests.

Each var becomes an operand: a reader (a function from an index to an expression; views and filled arrays have nothing else) and, where it
is stored, a buffer. An op's `lower` writes its loops through the builder (`builder`). `nodes` goes through a graph, `control` through
branches and loops. Nothing is fused here; every stored value has its own nest, and the passes of `codegen/loops/passes` remove what need
not exist.

In place: an update of a value that nobody reads afterwards writes into that value's buffer (`copy_or_alias`), carried arrays of loops
included. "Afterwards" counts views: a view keeps the buffer under it alive.
"""

from codegen.loops.lower.builder import Builder, Operand
from codegen.loops.lower.nodes import lower

__all__ = ["lower", "Operand", "Builder"]
