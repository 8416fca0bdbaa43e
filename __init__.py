"""What each kernel of a mixture-of-experts layer costs on this GPU, in time, energy and heat.

The rooms, from the top floor down; a room imports only from floors below its own:

    cli/         one file a command: parse arguments, call rooms in order, print
    report/      a run as one self-contained HTML page
    compare/     one thing held against another: a model against points that it has not seen
    profiler/    runs scenarios under a collector and leaves recordings
    scenarios/   what to measure: operations, presets, grids, and the text of one isolated script
    parsers/     recordings to tables; reads files, starts nothing
    costmodel/   points to curves, curves to costs
    kernels/     each Triton kernel beside its torch reference
    device/      what the machine says of itself, read only
    store/       what the stages hand on, and where it lies
"""

__version__ = "0.1.0"
