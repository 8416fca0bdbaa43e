"""Imported before all else: bytecode is kept, also where the environment says otherwise.

Without it each process compiles 600 files anew, and pytest rewrites the assertions of 800 more.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
