"""Puts the rehearsal's layer under every Python process that inherits its environment."""

import os

if "REHEARSAL_CLOCK" in os.environ:
    from moeprof.tests.rehearsal.layer import install

    install()
