"""The PTX that unpacks words, run instruction by instruction, against the packed layout."""

import re

import pytest
import torch

from moeprof.kernels.packing import ORDER
from moeprof.kernels.tiling.codes import FLOAT_CODES, values_of
from moeprof.kernels.tiling.fragment import aligned_rows, unpacking

WORDS = 10_000
KINDS = {"bf16": torch.bfloat16, "f16": torch.float16}


class Ptx:
    """Runs the few instructions that `unpacking` uses, on many words at once."""

    def __init__(self, kind: torch.dtype, word: torch.Tensor, last: int) -> None:
        self.kind = kind
        self.outputs: dict[int, torch.Tensor] = {}
        self.registers = {f"${last}": word & 0xFFFFFFFF}

    def run(self, text: str) -> list[torch.Tensor]:
        for line in text.strip("{ }").split(";"):
            if line.strip():
                operation, *rest = re.split(r"[ ,]+", line.strip(), maxsplit=1)
                getattr(self, "_" + operation.partition(".")[0], self._skip)(*rest)
        return [self.outputs[number] for number in sorted(self.outputs)]

    def _skip(self, rest: str) -> None:
        assert rest.startswith(".b32")  # a declaration

    def _mov(self, rest: str) -> None:
        if pair := re.fullmatch(r"\{\$(\d+), \$(\d+)\}, (\w+)", rest):
            word = self.registers[pair[3]]
            self.outputs[int(pair[1])], self.outputs[int(pair[2])] = self._halves(word)
        else:
            to, value = rest.split(", ")
            self.registers[to] = torch.tensor(int(value, 16))

    def _shr(self, rest: str) -> None:
        to, word, places = rest.split(", ")
        self.registers[to] = self.registers[word] >> int(places)

    def _shl(self, rest: str) -> None:
        to, word, places = rest.split(", ")
        self.registers[to] = self.registers[word] << int(places) & 0xFFFFFFFF

    def _and(self, rest: str) -> None:
        to, word, mask = rest.split(", ")
        self.registers[to] = self.registers[word] & int(mask, 16)

    def _lop3(self, rest: str) -> None:
        to, word, mask, name, table = rest.split(", ")
        both = self.registers[word] & int(mask, 16)
        other = self.registers[name] if name in self.registers else int(name, 16)
        assert table in ("0xea", "0x6a")
        self.registers[to] = both | other if table == "0xea" else both ^ other

    def _fma(self, rest: str) -> None:
        to, *factors = rest.split(", ")
        a, b, c = (torch.stack(self._halves(self.registers[f])).double() for f in factors)
        exact = a * b + c
        rounded = exact.to(self.kind)
        assert torch.equal(rounded.double(), exact)  # nothing is lost on the way
        bits = rounded.view(torch.int16).long() & 0xFFFF
        self.registers[to] = bits[0] | bits[1] << 16

    def _halves(self, word: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        halves = (word >> places & 0xFFFF for places in (0, 16))
        low, high = (half.to(torch.int16).view(self.kind).expand(WORDS) for half in halves)
        return low, high


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", [4, 8])
def test_the_ptx_unpacks_every_weight_exactly_and_in_order(bits: int, kind: str) -> None:
    generator = torch.Generator().manual_seed(bits)
    words = torch.randint(-(2**31), 2**31, (WORDS,), generator=generator)
    weights = Ptx(KINDS[kind], words, 32 // bits).run(unpacking(bits, kind))
    assert len(weights) == 32 // bits
    for j, weight in enumerate(weights):
        q = words >> bits * ORDER[bits][j] & (1 << bits) - 1
        expected = q - 8 if bits == 4 else (q ^ 128) - 128
        assert torch.equal(weight.long(), expected), j


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("codes", FLOAT_CODES)
def test_the_ptx_decodes_every_floating_point_code_exactly(codes: str, kind: str) -> None:
    bits, dtype = FLOAT_CODES[codes].bits, KINDS[kind]
    words = torch.randint(-(2**31), 2**31, (WORDS,), generator=torch.Generator().manual_seed(bits))
    if codes == "e4m3":  # no quantiser makes NaN
        words &= ~0x01010101
    weights = Ptx(dtype, words, 32 // bits).run(unpacking(bits, kind, codes))
    values = values_of(codes, words.device, dtype)
    for j, weight in enumerate(weights):
        expected = values[words >> bits * ORDER[bits][j] & (1 << bits) - 1]
        assert torch.equal(weight, expected), j


@pytest.mark.parametrize(("codes", "bits", "most"), [("e2m1", 4, 19), ("e4m3", 8, 9)])
def test_a_word_of_floating_point_codes_takes_few_instructions(
    codes: str, bits: int, most: int
) -> None:
    text = unpacking(bits, "bf16", codes)
    assert len(re.findall("shr|shl|and|lop3|fma", text)) == most


def test_8_weights_of_4_bits_take_11_instructions() -> None:
    text = unpacking(4, "bf16")
    work = [line for line in text.split(";") if re.search("shr|lop3|fma", line)]
    assert len(work) == 11


def test_only_rows_that_cannot_be_copied_by_16_bytes_are_moved() -> None:
    wide = torch.randn(3, 80).bfloat16()
    assert aligned_rows(wide[:, 8:72]).data_ptr() == wide[:, 8:].data_ptr()
    for rows in (wide[:, 4:68], torch.randn(3, 68).bfloat16()[:, :64]):
        moved = aligned_rows(rows)
        assert torch.equal(moved, rows)
        assert moved.stride() == (64, 1)
