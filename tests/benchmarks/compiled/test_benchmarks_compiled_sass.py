"""Reading machine code: a text written for the test, and a kernel compiled here."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from moeprof.benchmarks.compiled.sass import families, instructions, machine_code, main_loop
from moeprof.kernels import backend
from moeprof.kernels.backend import tl
from moeprof.store.errors import BadInput

SASS = """
        /*0000*/                   LDC R1, c[0x0][0x28] ;
.L_x_1:
        /*0010*/              @!P0 IADD3 R2, R2, 0x1, RZ ;
        /*0020*/              @P0  BRA `(.L_x_1) ;
.L_x_2:
        /*0030*/                   LDGSTS.E.BYPASS.128 [R4], desc[UR4][R6.64] ;
.L_x_3:
        /*0040*/                   HGMMA.64x16x16.F32.BF16 R24, R4, gdesc[UR8], R24 ;
        /*0050*/                   I2F.S32 R3, R3 ;
        /*0060*/             @!UP0 UIADD3 UR4, UR4, 0x1, URZ ;
        /*0070*/              @P1  BRA `(.L_x_3) ;
        /*0080*/              @P2  BRA `(.L_x_2) ;
        /*0090*/                   EXIT ;
""".splitlines()


def test_every_instruction_is_found_with_or_without_its_predicate() -> None:
    assert [text.partition(" ")[0].partition(".")[0] for text in instructions(SASS)] == [
        "LDC", "IADD3", "BRA", "LDGSTS", "HGMMA", "I2F", "UIADD3", "BRA", "BRA", "EXIT",
    ]  # fmt: skip
    assert instructions(SASS)[1] == "IADD3 R2, R2, 0x1, RZ"


def test_the_main_loop_is_the_shortest_one_with_a_matrix_instruction() -> None:
    assert families(main_loop(SASS)) == {"HGMMA": 1, "I2F": 1, "UIADD3": 1, "BRA": 1}


def test_code_without_such_a_loop_has_none() -> None:
    assert main_loop(SASS[:4]) == []


@backend.jit  # type: ignore[untyped-decorator]
def double(x_ptr, y_ptr, n, SIZE: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, SIZE)
    tl.store(y_ptr + at, 2 * tl.load(x_ptr + at, mask=at < n), mask=at < n)


def test_a_kernel_is_compiled_for_a_gpu_that_is_not_here() -> None:
    types = {"x_ptr": "*fp32", "y_ptr": "*fp32", "n": "i32:16"}
    code = machine_code(double, types, {"SIZE": 128}, 90, num_warps=1)
    assert code.architecture == 90
    assert 0 < code.registers < 64
    assert (code.spills, code.stack_bytes, code.copies, code.matrix) == (0, 0, 0, None)
    assert code.opcodes["LDG"] == code.opcodes["STG"] == 1  # aligned: 128 floats, 4 a lane
    assert not code.loop
    assert code.instructions == code.opcodes.total() > 10
    assert not code.serialised
    assert replace(code, loop=Counter(HGMMA=8, WARPGROUP=16)).serialised
    assert not replace(code, loop=Counter(HGMMA=8, WARPGROUP=4)).serialised


INTERPRETED = """
from moeprof.benchmarks.compiled.sass import machine_code
from moeprof.store.errors import BadInput
try:
    machine_code(None, {}, {}, 90)
except BadInput as error:
    print(error.hint)
"""


def test_an_interpreted_kernel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], capture_output=True, text=True, check=True
    )
    assert done.stdout == "unset TRITON_INTERPRET\n"


def test_without_triton_compiling_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moeprof.benchmarks.compiled.sass.triton", None)
    with pytest.raises(BadInput, match="triton is not installed"):
        machine_code(None, {}, {}, 90)
