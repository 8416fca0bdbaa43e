"""The adapter of triton_kernels against stand-ins with the signatures of its 3.6 and its 3.8."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from moeprof.scenarios.engines.triton_kernels import ENGINE, OPERATION, api_version
from moeprof.tests.scenarios.engines.stand_ins import LAYER, assert_computes, gated, install


@dataclass(frozen=True)
class FnSpecs:
    """specialize.py."""

    name: str
    fn: Any
    fn_arg_names: tuple[str, ...]
    fn_arg_do_not_specialize: tuple[str, ...] = ()
    reduction_n: int = 1


@dataclass(frozen=True)
class FusedActivation:
    """matmul_ogs.py and matmul.py."""

    specs: FnSpecs
    fn_args: tuple[object, ...] = ()


@dataclass
class Indices:
    """GatherIndx and ScatterIndx of matmul_ogs.py."""

    src_indx: torch.Tensor
    dst_indx: torch.Tensor


@dataclass
class RoutingData:
    """matmul_ogs.py."""

    gate_scal: torch.Tensor
    expt_hist: torch.Tensor
    n_expts_tot: int
    n_expts_act: int
    expt_data: Any = None
    expected_tokens_per_expt: int | None = None


@dataclass
class RaggedTensorMetadata:
    """tensor_details/ragged_tensor.py; what is computed here."""

    slice_sizes: torch.Tensor


def make_ragged_tensor_metadata(slice_sizes: torch.Tensor, n_gates: int) -> RaggedTensorMetadata:
    """tensor_details/ragged_tensor.py, with what it expects."""
    assert slice_sizes.dtype == torch.int32
    assert slice_sizes.sum() == n_gates
    return RaggedTensorMetadata(slice_sizes)


def swiglu_fn(rows: torch.Tensor, alpha: float, limit: float) -> torch.Tensor:
    """swiglu_torch of swiglu.py."""
    assert (alpha, limit) == (1.702, 7.0)
    return gated(rows, "swigluoai")


def slices(sizes: torch.Tensor) -> Iterator[tuple[int, int]]:
    """First row and end of each expert."""
    return pairwise([0, *sizes.cumsum(0).tolist()])


def products(
    x: torch.Tensor,
    w: torch.Tensor,
    sizes: torch.Tensor,
    source: torch.Tensor,
    gammas: torch.Tensor | None,
    fused: FusedActivation | None,
) -> torch.Tensor:
    """matmul_torch: the rows `source` of x by the weights of each expert, and their gammas."""
    assert x.shape[-1] == w.shape[-2]
    rows = torch.cat([x[source[lo:hi]] @ w[own] for own, (lo, hi) in enumerate(slices(sizes))])
    if fused is not None:
        assert fused.specs.reduction_n == 2
        rows = fused.specs.fn(rows, *fused.fn_args)
    return rows if gammas is None else rows * gammas[:, None]


def matmul_ogs(
    x: torch.Tensor,
    w: torch.Tensor,
    bias: torch.Tensor | None,
    routing_data: RoutingData | None = None,
    gather_indx: Indices | None = None,
    scatter_indx: Indices | None = None,
    precision_config: Any = None,
    betas: torch.Tensor | None = None,
    gammas: torch.Tensor | None = None,
    out_alpha: float | None = None,
    y: torch.Tensor | None = None,
    fused_comm: Any = None,
    fused_activation: FusedActivation | None = None,
    epilogue: Any = None,
    y_acc_in: torch.Tensor | None = None,
    inner_routing_data: Any = None,
) -> torch.Tensor:
    """matmul_ogs.py of commit 02adf8fd, as its matmul_ogs_torch computes."""
    assert routing_data is not None
    assert bias is None
    top_k = routing_data.n_expts_act
    assert routing_data.expt_data.slice_sizes is routing_data.expt_hist
    assert routing_data.n_expts_tot == len(w)
    assert gammas is None or gammas is routing_data.gate_scal
    source = torch.arange(len(x)) if gather_indx is None else gather_indx.src_indx // top_k
    for one in (gather_indx, scatter_indx):
        if one is not None:  # each is the other's inverse
            assert one.dst_indx[one.src_indx.long()].equal(torch.arange(len(source)).int())
    rows = products(x, w, routing_data.expt_hist, source, gammas, fused_activation)
    if scatter_indx is None:
        return rows
    summed = rows.new_zeros(len(rows) // top_k, rows.shape[1])
    return summed.index_add_(0, scatter_indx.dst_indx // top_k, rows)


def matmul(
    a: torch.Tensor,
    b: torch.Tensor,
    bias: torch.Tensor | None,
    a_ragged_metadata: RaggedTensorMetadata | None = None,
    b_ragged_metadata: RaggedTensorMetadata | None = None,
    gather_indx: torch.Tensor | None = None,
    scatter_indx: torch.Tensor | None = None,
    precision_config: Any = None,
    betas: torch.Tensor | None = None,
    gammas: torch.Tensor | None = None,
    out_alpha: float | None = None,
    c: torch.Tensor | None = None,
    fused_comm: Any = None,
    fused_activation: FusedActivation | None = None,
    epilogue: Any = None,
    c_acc_in: torch.Tensor | None = None,
) -> torch.Tensor:
    """matmul.py of commit 0223f697, as its matmul_torch computes."""
    assert a_ragged_metadata is not None
    assert bias is None
    source = torch.arange(len(a)) if gather_indx is None else gather_indx
    return products(a, b, a_ragged_metadata.slice_sizes, source, gammas, fused_activation)


def install_3_6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package of Triton 3.6."""
    install(
        monkeypatch,
        "triton_kernels.matmul_ogs",
        matmul_ogs=matmul_ogs,
        RoutingData=RoutingData,
        GatherIndx=Indices,
        ScatterIndx=Indices,
        FusedActivation=FusedActivation,
        FnSpecs=FnSpecs,
    )


def install_3_8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package of Triton 3.8."""
    install(
        monkeypatch,
        "triton_kernels.matmul",
        matmul=matmul,
        FusedActivation=FusedActivation,
        FnSpecs=FnSpecs,
    )


@pytest.mark.parametrize("activation", ["silu", "gelu", "clipped"])
@pytest.mark.parametrize("package", [install_3_6, install_3_8])
def test_triton_kernels_compute_the_routed_experts(
    monkeypatch: pytest.MonkeyPatch,
    package: Callable[[pytest.MonkeyPatch], None],
    activation: str,
) -> None:
    package(monkeypatch)
    install(
        monkeypatch,
        "triton_kernels.tensor",
        make_ragged_tensor_metadata=make_ragged_tensor_metadata,
    )
    install(monkeypatch, "triton_kernels.swiglu", swiglu_fn=swiglu_fn)
    assert_computes(OPERATION, replace(LAYER, activation=activation))


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"matmul_ogs.py": "class RoutingData: ..."}, "3.6"),
        ({"matmul_ogs.py": "", "routing.py": "class RoutingData: ..."}, "3.5"),
        ({"matmul.py": ""}, "3.8"),
        ({"add_vectors.py": ""}, None),  # the package of this name on PyPI
    ],
)
def test_the_version_is_known_by_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], version: str | None
) -> None:
    folder = tmp_path / "their_kernels"
    folder.mkdir()
    for name, text in {"__init__.py": "", **files}.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert api_version("their_kernels") == version


def test_the_api_before_3_6_is_not_known() -> None:
    absence = replace(ENGINE, version=lambda _: "3.5").absence()
    assert absence is not None
    assert absence.startswith("triton_kernels 3.5 is installed, and it needs triton_kernels 3.6")
