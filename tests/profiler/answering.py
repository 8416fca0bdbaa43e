"""The function `answer` for stand-in scripts: it answers as an isolated script does.

Under the stand-in for nsys it prints each answer too, which that takes for a trace.
"""

from moeprof.scenarios.script import PROTOCOL

ANSWER = """
import json, os, sys, time
def answer(body):
    if "FAKE_TRACE" in os.environ:
        print(json.dumps(body), flush=True)
    os.write(int(os.environ.get("MOEPROF_ANSWERS_FD", "1")), json.dumps(body).encode() + b"\\n")
"""
READY = f"{ANSWER}PROTOCOL = {PROTOCOL}\n" + 'answer({"ready": True})\n'
