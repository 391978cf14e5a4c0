"""The table of the 60 golden programs, one idea each, by name."""

from tests.golden import array_programs, loop_programs
from tests.golden.table import Program

__all__ = ["PROGRAMS", "Program"]

PROGRAMS: dict[str, Program] = array_programs.program | loop_programs.program
