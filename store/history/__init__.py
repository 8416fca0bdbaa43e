"""The history of a device: what each run measured, one small table a run."""
