"""`python -m moeprof` is the same as `moeprof`."""

from .cli.app import main

main()
