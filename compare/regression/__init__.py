"""Whether one measurement costs more than another: two runs, models, benchmarks or revisions."""
