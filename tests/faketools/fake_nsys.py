"""A stand-in for nsys that runs its target for real and then fails as real ones were seen to.

The environment variable FAKE_NSYS names the failure; every one of them ends with exit code 0 but
"export fails". A good report holds the ranges of the answers that its target prints. The target has
our descriptors, as with real ones.
"""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

FAILURE = os.environ.get("FAKE_NSYS", "none")


def option(name: str, words: list[str]) -> Path:
    return Path(next(word.partition("=")[2] for word in words if word.startswith(f"--{name}=")))


def profile(words: list[str]) -> int:
    first = next(place for place, word in enumerate(words) if not word.startswith("--"))
    environment = {**os.environ, "FAKE_TRACE": "printed"}
    target = subprocess.Popen(
        words[first:], stdout=subprocess.PIPE, text=True, close_fds=False, env=environment
    )
    assert target.stdout is not None
    answers = []
    for line in target.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if '"calls_ns"' in line:
            answers.append(json.loads(line))
    report = Path(str(option("output", words)).replace("%%", "%"))
    if FAILURE == "no importer":
        report.with_suffix(".qdstrm").write_bytes(b"QDSTRM")
    elif FAILURE != "no report":
        report.write_text(json.dumps(answers))
    return target.wait()


def export(words: list[str]) -> int:
    if FAILURE == "export fails":
        sys.stderr.write("Report was created in a version newer than your current version")
        return 1
    answers = json.loads(Path(words[-1]).read_text())
    with sqlite3.connect(option("output", words)) as database:
        database.execute("CREATE TABLE META_DATA_EXPORT (name TEXT, value TEXT)")
        database.execute("INSERT INTO META_DATA_EXPORT VALUES ('EXPORT_SCHEMA_VERSION', '3.11.1')")
        database.execute("CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT)")
        database.execute(
            "CREATE TABLE NVTX_EVENTS (start INTEGER, end INTEGER, eventType INTEGER, text TEXT,"
            " globalTid INTEGER, endGlobalTid INTEGER, textId INTEGER, domainId INTEGER)"
        )
        now = 0
        for answer in answers if FAILURE != "no ranges" else []:
            kept = answer["calls"] - (FAILURE == "drops a range")
            for call in range(kept):
                name = f"{answer['scenario_key']}#{answer['visit']}.{call}"
                end = now + answer["calls_ns"][call]
                row = (now, end, 59, name, 7, None, None, 0)
                database.execute("INSERT INTO NVTX_EVENTS VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                now = end + 1000
    database.close()
    return 0


def main(words: list[str]) -> int:
    if words == ["--version"]:
        sys.stdout.write("NVIDIA Nsight Systems version 2024.2.3.38-stand-in\n")
        return 0
    if words == ["profile", "--help"]:
        sys.stdout.write("--cuda-graph-trace=<granularity>\n--gpu-metrics-device=\n")
        return 0
    return (profile if words[0] == "profile" else export)(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
