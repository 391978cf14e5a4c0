"""The groups of planted faults: in which files they are planted, and which tests should notice them, the likely ones first."""

from __future__ import annotations

from dataclasses import dataclass

RANDOM_PROGRAMS = ("-m", "tests.random_programs", "--programs", "12", "--seed", "30000")
LOOP_PROGRAMS = ("-m", "tests.loop_programs", "--programs", "12", "--seed", "3000000")
CAPTURE = "tests/autodiff/capture/"
LANGUAGE = tuple(CAPTURE + f"test_language_{subject}.py" for subject in
                 ("loops", "conditions", "assignment", "functions", "state", "arrays", "slices", "built_ins"))
OPS = ("tests/tracer/test_op_cases.py", "tests/tracer/test_elementwise_laws.py")


@dataclass(frozen=True)
class Group:
    """Faults of one kind.

    files : patterns of the files in which they are planted
    narrow : tests that should notice them
    wide : tests that run where these do not
    near : part of a path -> tests that run first for faults in such a file
    random : arguments of Python for programs that run where no test notices
    """

    files: tuple[str, ...]
    narrow: tuple[str, ...]
    wide: tuple[str, ...]
    near: tuple[tuple[str, tuple[str, ...]], ...] = ()
    random: tuple[tuple[str, ...], ...] = (RANDOM_PROGRAMS, LOOP_PROGRAMS)


GROUPS: dict[str, Group] = {
    "rules": Group(
        ("tracer/ops/*.py", "tracer/ops/control/*.py"),
        (*OPS, "tests/autodiff/api/test_control.py", "tests/autodiff/test_linalg.py"),
        ("tests/tracer", "tests/autodiff/numpy", "tests/autodiff/transforms", "tests/codegen/loops", *LANGUAGE),
        (("control", ("tests/autodiff/api/test_control.py",)), ("linalg", ("tests/autodiff/test_linalg.py",)))),
    "transforms": Group(
        ("autodiff/transforms/*.py",),
        ("tests/autodiff/transforms", "tests/autodiff/api", OPS[0]),
        (*LANGUAGE, CAPTURE + "test_random_loops.py", "tests/autodiff/numpy", "tests/test_golden.py")),
    "lowering": Group(
        ("codegen/loops/lower/*.py", "codegen/loops/donate.py", "codegen/loops/usage.py"),
        ("tests/codegen/loops", "tests/test_golden.py", OPS[0]),
        ("tests/codegen", "tests/tracer", *LANGUAGE, CAPTURE + "test_random_loops.py"),
        (("donate", ("tests/codegen/entry/test_native.py",)),)),
    "fusion": Group(
        ("codegen/loops/passes/*.py",),
        ("tests/codegen/loops", "tests/test_golden.py", "tests/codegen/backends/test_llvm.py"),
        ("tests/codegen", OPS[0], *LANGUAGE, CAPTURE + "test_random_loops.py")),
    "vectors": Group(
        ("codegen/backends/llvm/elements.py", "codegen/backends/llvm/vectors.py", "codegen/backends/llvm/writer.py",
         "codegen/backends/llvm/scalar.py", "codegen/backends/llvm/function.py", "codegen/backends/llvm/calls.py",
         "codegen/backends/llvm/module.py", "codegen/backends/llvm/layout.py"),
        ("tests/codegen/backends", "tests/codegen/loops", *OPS),
        ("tests/codegen", "tests/test_golden.py", "tests/tracer", *LANGUAGE, "tests/autodiff/numpy")),
    "passes": Group(
        ("tracer/passes/*.py",),
        ("tests/tracer/passes", "tests/test_golden.py"),
        (OPS[0], "tests/codegen/loops", *LANGUAGE, CAPTURE + "test_random_loops.py", "tests/autodiff/numpy"),
        (("scalar_replacement", (CAPTURE + "test_small_arrays.py",)),)),
    "capture": Group(
        ("autodiff/capture/*.py", "autodiff/capture/source/*.py", "autodiff/numpy/aliasing.py"),
        (*LANGUAGE, CAPTURE + "test_effects.py", CAPTURE + "test_objects.py"),
        ("tests/autodiff/capture", "tests/autodiff/numpy/test_mutation.py", "tests/autodiff/compiled"),
        (("source/", (CAPTURE + "test_convert.py",)), ("callbacks", (CAPTURE + "test_callbacks.py",)),
         ("raising", (CAPTURE + "test_raising.py",)), ("handlers", (CAPTURE + "test_raising.py",)),
         ("advancing", (CAPTURE + "test_advancing.py",)), ("questions", (CAPTURE + "test_questions.py",)),
         ("python_numbers", (CAPTURE + "test_python_numbers.py",)), ("effects", (CAPTURE + "test_effects.py",)),
         ("replay", (CAPTURE + "test_effects.py",)), ("aliasing", ("tests/autodiff/numpy/test_mutation.py",)),
         ("loop_aliases", (CAPTURE + "test_loop_names.py",)), ("excluded", (CAPTURE + "test_library_code.py",)), ("reads", ("tests/autodiff/compiled/test_outside.py",)),
         ("capture/body", (CAPTURE + "test_growing.py",)), ("snapshots", (CAPTURE + "test_classes.py",)))),
    "keys": Group(
        ("codegen/cache.py", "autodiff/compiled/signature.py", "autodiff/compiled/environment.py", "autodiff/compiled/entries.py",
         "autodiff/compiled/by_object.py", "autodiff/compiled/specialise.py", "codegen/backends/llvm/kernel.py"),
        ("tests/codegen/test_cache.py", "tests/autodiff/compiled/test_environment.py", "tests/autodiff/compiled/test_static_arguments.py",
         "tests/autodiff/compiled/test_jitted.py"),
        ("tests/autodiff/compiled", "tests/codegen/entry", "tests/codegen/backends", CAPTURE + "test_paths.py", "tests/autodiff/test_linalg.py"),
        (("codegen/cache", ("tests/codegen/test_cache.py",)),
         ("autodiff/compiled", ("tests/autodiff/compiled/test_environment.py", "tests/autodiff/compiled/test_static_arguments.py")))),
    "kept": Group(
        ("autodiff/compiled/fingerprint.py", "autodiff/compiled/kept.py", "codegen/disk.py", "codegen/host.py",
         "codegen/backends/llvm/objects.py"),
        ("tests/autodiff/compiled/test_kept.py", "tests/codegen/test_host.py", "tests/codegen/backends/test_objects.py"),
        ("tests/codegen/test_cache.py", "tests/autodiff/compiled", "tests/codegen/backends", "tests/test_docstrings.py"),
        (("compiled/", ("tests/autodiff/compiled/test_kept.py",)), ("disk", ("tests/codegen/test_cache.py",)),
         ("host", ("tests/codegen/test_host.py",)), ("objects", ("tests/codegen/backends/test_objects.py",))),
        ((*RANDOM_PROGRAMS, "--kept"),)),
    "lengths": Group(
        ("tracer/lengths.py", "tracer/sizes.py", "tracer/integers.py", "autodiff/compiled/shapes.py", "autodiff/numpy/of_lengths.py",
         "autodiff/numpy/sizes.py"),
        ("tests/tracer/test_lengths.py", "tests/autodiff/numpy/test_sizes.py", "tests/autodiff/compiled/test_shapes.py"),
        ("tests/autodiff/compiled", "tests/tracer", CAPTURE + "test_run_time_lengths.py", CAPTURE + "test_growing.py", "tests/test_docstrings.py"),
        (), ((*RANDOM_PROGRAMS, "--lengths"),)),
    "tape": Group(
        ("autodiff/eager/*.py",),
        ("tests/autodiff/eager/test_tape.py", "tests/autodiff/eager/test_tensor.py", "tests/autodiff/eager/test_functions.py"),
        ("tests/autodiff/eager", "tests/autodiff/test_nn.py", "tests/autodiff/test_optim.py", "tests/test_docstrings.py"),
        (("optimizers", ("tests/autodiff/eager/test_optimizers.py",)), ("torch_names", ("tests/autodiff/eager/test_torch_names.py",)),
         ("functions", ("tests/autodiff/eager/test_functions.py",))),
        (RANDOM_PROGRAMS,)),
}
"""Name -> the group."""


def narrow_and_wide(group: Group, path: str) -> tuple[list[str], list[str]]:
    """The narrow and the wide tests for a fault in a file, each once, in their order."""
    near = [t for part, tests in group.near if part in path for t in tests]
    narrow = list(dict.fromkeys([*near, *group.narrow]))
    return narrow, [t for t in dict.fromkeys(group.wide) if t not in narrow]
