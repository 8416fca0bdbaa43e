"""`python -m moeprof` is the same as `moeprof`."""

from .cli.start import main

main()
