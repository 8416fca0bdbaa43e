"""The cases of the kernels' check: all kernels, the most telling sizes first."""

from itertools import product

from moeprof.kernels.checking.cases import gpu_cases, interpreter_cases
from moeprof.kernels.formats.names import FORMATS

KERNELS = {"dequant_linear", "grouped_linear", "topk", "topk_float32", "active_set"}


def test_every_kernel_is_among_the_first_cases() -> None:
    for cases in (gpu_cases(), interpreter_cases()):
        assert {case.kernel for case in cases[: len(KERNELS)]} == KERNELS


def test_every_case_is_there_once_by_its_name() -> None:
    for cases in (gpu_cases(), interpreter_cases()):
        assert len({case.name for case in cases}) == len(cases)


def test_each_format_is_checked_once_with_each_kernel_that_reads_it() -> None:
    for cases in (gpu_cases(), interpreter_cases()):
        found = [(case.weight_format, case.kernel) for case in cases if case.weight_format]
        kernels = ("dequant_linear", "grouped_linear")
        assert sorted(found) == sorted(product(FORMATS.keys() - {"int4"}, kernels))


def test_tiles_of_64_rows_come_first() -> None:
    assert {case.tokens for case in gpu_cases()[: len(KERNELS)]} == {64}
