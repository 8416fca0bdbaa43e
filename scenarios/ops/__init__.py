"""The operations of the catalogue, one file each."""
