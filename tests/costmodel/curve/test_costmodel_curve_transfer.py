"""An unmeasured shape takes the utilisation of its neighbours, or is out of range."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.build import build_model
from moeprof.costmodel.curve.costs import CurveCosts
from moeprof.costmodel.curve.extrapolation import OutOfRange
from moeprof.costmodel.curve.transfer import HALF_WIDTH_95, NOT_TRANSFERRED, transfer
from moeprof.store.cost_model import CostModelFile, Peaks
from moeprof.store.tables.parquet import table_from_columns
from moeprof.tests.builders import make_provenance

PEAKS = Peaks({"float32": 1e12}, 1e11, None, "a sheet")
GPU = make_provenance("cuda:0", device_name="Some GPU")
Shapes = dict[tuple[int, int], float]  # utilisation by shape


def work(tokens: int, shape: tuple[int, int], output_bytes: int = 4) -> tuple[int, int]:
    n, k = shape
    return 2 * tokens * n * k, 4 * (n * k + tokens * k) + output_bytes * tokens * n


def bound_us(tokens: int, shape: tuple[int, int]) -> float:
    flops, moved = work(tokens, shape)
    return max(flops / 1e12, moved / 1e11) * 1e6


def costs_of(shapes: Shapes, output_bytes: int = 4, **columns: object) -> list[CurveCosts]:
    """The costs of curves of these utilisations."""
    rows = []
    for shape, utilisation in shapes.items():
        for tokens in (1, 32, 64, 128, 256):
            flops, moved = work(tokens, shape, output_bytes)
            rows.append(
                {
                    "curve": f"fc1-{shape[0]}x{shape[1]}",
                    "op": "fc1",
                    "shape": list(shape),
                    "dtype": "float32",
                    "l2": "cold",
                    "regime": "burst",
                    "role": "fit",
                    "latency_source": "kernel",
                    "energy_source": "unavailable",
                    "tokens": tokens,
                    "flops": flops,
                    "bytes_moved": moved,
                    "latency_us": bound_us(tokens, shape) / utilisation,
                }
                | columns
            )
    table: pa.Table = table_from_columns("points", {n: [r[n] for r in rows] for n in rows[0]})
    file: CostModelFile = build_model(table, preset="tiny", provenance=GPU, points_sha256="0" * 64)
    file = replace(file, peaks=PEAKS)
    return [CurveCosts(curve, file) for curve in file.curves]


@settings(max_examples=20)
@given(
    st.floats(0.1, 0.9),
    st.sampled_from([(768, 512), (600, 900), (2048, 2000)]),
    st.sampled_from([1, 32, 64, 128, 256]),
)
def test_neighbours_of_one_utilisation_are_reproduced_exactly(
    utilisation: float, shape: tuple[int, int], tokens: int
) -> None:
    known = costs_of({(512, 512): utilisation, (1024, 1024): utilisation})
    cost = transfer("fc1", shape, tokens, known, PEAKS)
    assert cost.latency_us == pytest.approx(bound_us(tokens, shape) / utilisation, rel=1e-4)
    assert (cost.transferred, cost.measured) == (True, False)
    assert cost.latency_us_hi / cost.latency_us >= 2.718**HALF_WIDTH_95
    assert (cost.energy_mj, cost.power_w, cost.temp_rise_c) == (None, None, None)
    assert cost.energy_reason == NOT_TRANSFERRED


def test_the_nearer_shape_has_more_weight() -> None:
    known = costs_of({(512, 512): 0.2, (2048, 512): 0.8})
    near, between, far = (
        bound_us(64, shape) / transfer("fc1", shape, 64, known, PEAKS).latency_us
        for shape in ((600, 512), (1024, 512), (1800, 512))
    )
    assert 0.2 < near < between < far < 0.8
    assert between == pytest.approx(0.4, rel=1e-3)  # the geometric mean of both


@pytest.mark.parametrize("shape", [(4096, 512), (512,), (512, 512, 1), (100, 512)])
def test_without_a_shape_within_two_octaves_it_is_out_of_range(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutOfRange, match="no shape within 2 octaves") as caught:
        transfer("fc1", shape, 64, costs_of({(512, 512): 0.5}), PEAKS)
    assert "measured at 512x512" in caught.value.hint


def test_a_near_shape_without_its_work_is_told_as_that() -> None:
    (known,) = costs_of({(512, 512): 0.5}, flops=None, bytes_moved=None)
    assert known.curve.work is None
    with pytest.raises(OutOfRange, match="600x512 was measured with its work"):
        transfer("fc1", (600, 512), 64, [known], PEAKS)


def test_without_the_device_s_rates_it_is_out_of_range() -> None:
    with pytest.raises(OutOfRange, match="rates are not known"):
        transfer("fc1", (600, 512), 64, costs_of({(512, 512): 0.5}), None)


def test_work_that_does_not_scale_as_a_product_is_out_of_range() -> None:
    known: Sequence[CurveCosts] = costs_of({(512, 512): 0.5, (1024, 512): 0.5}, bytes_moved=1 << 20)
    with pytest.raises(OutOfRange, match="does not scale with its shape"):
        transfer("fc1", (600, 512), 64, known, PEAKS)


def test_inputs_and_outputs_count_by_their_own_bytes() -> None:
    """As in products of fp8, whose output is of bf16: twice the bytes of an input."""
    known = costs_of({(1024, 512): 0.5, (512, 1024): 0.5, (2048, 512): 0.5}, output_bytes=8)
    cost = transfer("fc1", (768, 512), 64, known, PEAKS)
    flops, moved = work(64, (768, 512), output_bytes=8)
    assert cost.latency_us == pytest.approx(2 * max(flops / 1e6, moved / 1e5), rel=1e-3)
