"""What to measure: operations, presets, batch-size grids, the plan, and the isolated script."""
