"""Ops that hold graphs: calls, conditionals, loops, and custom derivatives; and the check `require`."""

from tracer.ops.control.bodies import HoldsGraph, body_out_types
from tracer.ops.control.calls import barrier, call, checkpoint, linear_call
from tracer.ops.control.checks import require
from tracer.ops.control.conditionals import cond, linear_cond
from tracer.ops.control.custom import custom_jvp, custom_linear, custom_vjp
from tracer.ops.control.loops import FOREVER, LoopSpec, loop, loop_of, row_type, scan_axis
from tracer.ops.control.replay import array_before, ends_and_logs, replayed_loop

__all__ = ["FOREVER", "HoldsGraph", "LoopSpec", "array_before", "barrier", "body_out_types", "call", "checkpoint", "cond", "custom_jvp",
           "custom_linear", "custom_vjp", "ends_and_logs", "linear_call", "linear_cond", "loop", "loop_of", "replayed_loop", "require",
           "row_type", "scan_axis"]
