"""The options of `moeprof cost`: their types, and what the help says of them."""

from typing import Annotated, Final, Literal

import typer

_LAYER: Final = "Of a layer"
_BEST: Final = "With --best"

ModelAndOp = Annotated[
    list[str],
    typer.Argument(
        metavar="[MODEL] OP",
        help="Model file or its run (the latest if left out), then what to look up; several models"
        " with --best.",
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Tokens in the call; with --best every measured size if left out."),
]
Shape = Annotated[
    str | None,
    typer.Option(
        metavar="SIZES",
        help="Sizes of the operation as its curve's name has them, such as 4096x14336;"
        " a shape near measured ones is predicted from those. Of a layer: HIDDENxFFN, or"
        " HIDDENxFFNxEXPERTS on this device.",
    ),
]
WeightBits = Annotated[
    int | None,
    typer.Option(help="Bits of the weights; not quantised, those of the dtype."),
]
WeightFormat = Annotated[
    str | None,
    typer.Option(help="Format of the weights, such as fp8_block; none where they have none."),
]
ActiveExperts = Annotated[
    int | None,
    typer.Option(
        help="Experts that get any token, also of `experts`; of a measured layer those of its"
        " routing if left out.",
        rich_help_panel=_LAYER,
    ),
]
TopK = Annotated[
    int | None, typer.Option(help="Experts that each token is sent to.", rich_help_panel=_LAYER)
]
Routing = Annotated[
    str | None,
    typer.Option(
        help="How tokens go to the experts: uniform, zipf:SKEW or a JSON file of"
        " recorded counts; if left out, as it was measured.",
        rich_help_panel=_LAYER,
    ),
]
RoutedBy = Annotated[
    str | None,
    typer.Option(
        metavar="OP",
        help="Operation that computes the routed experts of a layer in one, such as"
        " vllm_fused_experts, in place of its parts.",
        rich_help_panel=_LAYER,
    ),
]
Best = Annotated[
    Literal["tokens-per-joule", "tokens-per-second"] | None,
    typer.Option(
        help="Find the best way to run a layer: kernels, format, batch size, power limit, in one"
        " model or several.",
        rich_help_panel=_LAYER,
    ),
]
BudgetW = Annotated[
    float | None,
    typer.Option(
        help="The power that the layer may draw under a steady load, W.",
        rich_help_panel=_BEST,
    ),
]
WithinUs = Annotated[
    float | None,
    typer.Option(
        help="The time that it may take, us, as sure as 95 % intervals.",
        rich_help_panel=_BEST,
    ),
]
LinkGbPerS = Annotated[
    float | None,
    typer.Option(
        "--link-gb-per-s",
        help="Bandwidth at which ranks exchange rows, in GB/s: each rank, one direction.",
        rich_help_panel=_LAYER,
    ),
]
MemoryPressure = Annotated[
    float | None,
    typer.Option(help="Share of the memory bandwidth that others take, from 0 to below 1."),
]
Breakdown = Annotated[
    bool, typer.Option("--breakdown", help="Take the cost apart: memory, compute, launch.")
]
AllowEstimates = Annotated[
    bool,
    typer.Option(
        "--allow-estimates",
        help="Estimate an energy that no meter measured, from the GPU's power limit.",
    ),
]
