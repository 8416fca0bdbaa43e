"""Whether NEW costs more than OLD: runs, models, benchmarks, or revisions of a repository."""
