"""Ordinary Python in compiled functions: loops, branches, jumps and writes in place become part of the graph.

`source.convert` rewrites a function so that its control flow calls the methods of `hooks.Hooks`. On known values they do what Python
does. On traced values `branches` and `loops` trace each block once and record `cond` and `loop` nodes.
"""

from autodiff.capture.hooks import lift_here, lifted
from autodiff.capture.state import Declined, names_refused

__all__ = ["lift_here", "lifted", "Declined", "names_refused"]
