"""Steps of whole models: fit public rows, predict, judge."""
