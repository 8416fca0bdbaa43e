"""Compile a Triton kernel without a GPU, and count the instructions of its machine code.

Triton's wheel contains ptxas, nvdisasm and cuobjdump, so neither a GPU nor a driver is needed. The
main loop is the shortest loop with a matrix instruction: its length is the cost of a weight.
"""

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moeprof.benchmarks.compiled.wgmma import rewritten_factors
from moeprof.kernels.backend import interprets, triton
from moeprof.store.errors import BadInput

_INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P[T\d]+\s+)?([A-Z][^;]*?)\s*;")
_LABEL = re.compile(r"\s*(\.L_x_\d+):")
_BRANCH = re.compile(r"BRA.*`\((\.L_x_\d+)\)")
_USAGE = re.compile(r"REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)")
_MATRIX = ("HMMA", "HGMMA", "UTCHMMA")
_CONVERSIONS = ("I2F", "I2FP", "I2I", "I2IP")


@dataclass(frozen=True, slots=True)
class MachineCode:
    """Counts of a kernel's machine code for one architecture.

    `registers` are per thread; `stack_bytes` and `spills` are 0 if all values fit in registers.
    `copies` counts asynchronous copies to shared memory, `narrow_copies` those under 16 bytes.
    `opcodes` and `loop` count the instructions of the kernel and of its main loop by opcode without
    modifiers; `loop` is empty if no loop has a matrix instruction. `rewritten` counts the wgmmas of
    the main loop whose registers are rewritten before a wait covers them (wgmma.py).
    """

    architecture: int
    registers: int
    stack_bytes: int
    shared_bytes: int
    copies: int
    narrow_copies: int
    opcodes: Counter[str]
    loop: Counter[str]
    rewritten: int = 0

    @property
    def spills(self) -> int:
        """Instructions that store registers to local memory or load them from it."""
        return self.opcodes["STL"] + self.opcodes["LDL"]

    @property
    def instructions(self) -> int:
        """Instructions of the whole kernel."""
        return self.opcodes.total()

    @property
    def matrix(self) -> str | None:
        """The matrix instruction: HMMA on sm_80, HGMMA on sm_90, UTCHMMA on sm_100; or None."""
        return next((name for name in _MATRIX if self.opcodes[name]), None)

    @property
    def conversions(self) -> int:
        """Integer conversions in the main loop."""
        return sum(self.loop[name] for name in _CONVERSIONS)

    @property
    def permutes(self) -> int:
        """Byte permutations in the main loop."""
        return self.loop["PRMT"]

    @property
    def serialised(self) -> bool:
        """Whether every wgmma in the main loop waits for the previous one."""
        return 0 < 2 * self.loop["HGMMA"] <= self.loop["WARPGROUP"]


def require_compiler() -> None:
    """Raise BadInput if Triton is not installed, or interprets kernels in this process."""
    if triton is None:
        raise BadInput("triton is not installed", hint="it comes with moeprof on Linux")
    if interprets():
        raise BadInput(
            "kernels are interpreted in this process, and cannot be compiled",
            hint="unset TRITON_INTERPRET",
        )


def machine_code(
    kernel: Any,
    types: Mapping[str, str],
    constants: Mapping[str, Any],
    architecture: int,
    **options: int | bool,
) -> MachineCode:
    """Compile a jitted `kernel` for sm_`architecture` and count its instructions.

    `types` maps runtime arguments to Triton types ("*bf16", "i32"), `constants` the compile-time
    ones to values; together they name every argument. Pointers count as aligned to 16 bytes, as
    torch allocates them, and integers of type "i32:16" as multiples of 16. `options` are the
    compiler's: num_warps, num_stages.

    Raises BadInput as `require_compiler` does.
    """
    require_compiler()
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    plain = {name: kind.partition(":")[0] for name, kind in types.items()}
    source = ASTSource(
        fn=kernel,
        signature=dict.fromkeys(names, "constexpr") | plain,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={
            (names.index(name),): [["tt.divisibility", 16]]
            for name, kind in types.items()
            if kind.startswith("*") or kind.endswith(":16")
        },
    )
    compiled = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    return _read(compiled.asm["cubin"], compiled.metadata.shared, architecture)


def _read(cubin: bytes, shared_bytes: int, architecture: int) -> MachineCode:
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        # Its analysis of data flow names targets of indirect branches alone: kernels have none.
        text = _run("nvdisasm", "-c", "-ndf", file.name)
        usage = _run("cuobjdump", "--dump-resource-usage", file.name)
    found = _USAGE.search(usage)
    if found is None:
        raise RuntimeError(f"cuobjdump names no registers: {usage[:200]}")
    registers, stack_bytes, _ = map(int, found.groups())
    lines = text.splitlines()
    whole, loop = instructions(lines), main_loop(lines)
    copies = [opcode for opcode in map(opcode_of, whole) if opcode.startswith("LDGSTS")]
    return MachineCode(
        architecture=architecture,
        registers=registers,
        stack_bytes=stack_bytes,
        shared_bytes=shared_bytes,
        copies=len(copies),
        narrow_copies=sum(".128" not in copy for copy in copies),
        opcodes=families(whole),
        loop=families(loop),
        rewritten=len(rewritten_factors(loop)),
    )


def _run(tool: str, *arguments: str) -> str:
    path = Path(triton.__file__).parent / "backends/nvidia/bin" / tool
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=True).stdout


def instructions(lines: Sequence[str]) -> list[str]:
    """Instructions of nvdisasm's text, without address and predicate, in order."""
    found = (_INSTRUCTION.search(line) for line in lines)
    return [" ".join(match[1].split()) for match in found if match]


def opcode_of(instruction: str) -> str:
    """Opcode of an instruction, with its modifiers."""
    return instruction.partition(" ")[0]


def families(found: Sequence[str]) -> Counter[str]:
    """Count instructions by their opcode without modifiers."""
    return Counter(opcode_of(instruction).partition(".")[0] for instruction in found)


def main_loop(lines: Sequence[str]) -> list[str]:
    """Give the instructions of the shortest loop with a matrix instruction.

    A loop ends in a branch back.
    """
    labels: dict[str, int] = {}
    loops: list[list[str]] = []
    for number, line in enumerate(lines):
        if label := _LABEL.match(line):
            labels[label[1]] = number
        if (branch := _BRANCH.search(line)) and branch[1] in labels:
            body = instructions(lines[labels[branch[1]] : number + 1])
            if any(name in families(body) for name in _MATRIX):
                loops.append(body)
    return min(loops, key=len, default=[])
