"""What a step of a served model reads, computes and sends: one function per quantity."""
