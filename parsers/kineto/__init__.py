"""The chrome traces of torch.profiler (Kineto): read as a stream, and made safe to share."""
