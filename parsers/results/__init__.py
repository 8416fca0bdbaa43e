"""Result files of serving benchmarks, read to rows by their content."""
