"""Programs that say how much each expert should do: the loads, and the experts to read at all."""
