"""Tiles of a product on packed weights: which one is chosen, its main loop, and split K."""
