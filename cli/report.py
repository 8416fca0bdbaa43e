"""`moeprof report`: a run as one HTML page."""

from . import render
from .options import DEFAULT_STORE, RunArgument, Store, find_run


def report(run: RunArgument = None, store: Store = DEFAULT_STORE) -> None:
    """Write the run's HTML page, and print its path."""
    from ..report.page import write_report

    found = find_run(run, store)
    page = write_report(found)
    for sentence in page.warnings:
        render.warn(sentence)
    render.text(str(page.path))
