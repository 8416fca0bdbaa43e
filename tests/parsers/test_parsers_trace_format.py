"""The format of a file is found by its content, wherever that begins and however it is encoded."""

import codecs
import gzip
import os
from functools import partial
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.trace_format import TraceFormat, read_beginning, trace_format
from moeprof.store.errors import BadInput

# Without the time: each process that collects the tests gives them the same names.
gzipped = partial(gzip.compress, mtime=0)

HEADER = '"ID","Process ID","Process Name","Kernel Name"\n'


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"traceEvents": []}', TraceFormat.KINETO_JSON),
        (codecs.BOM_UTF8 + b'{"traceEvents": []}', TraceFormat.KINETO_JSON),
        ('{"traceEvents": []}'.encode("utf-16"), TraceFormat.KINETO_JSON),
        ('{"traceEvents": []}'.encode("utf-16-be"), TraceFormat.KINETO_JSON),
        ('{"traceEvents": []}'.encode("utf-32"), TraceFormat.KINETO_JSON),
        ('{"traceEvents": []}'.encode("utf-32-be"), TraceFormat.KINETO_JSON),
        (b" \n" * 70_000 + b'{"traceEvents": []}', TraceFormat.KINETO_JSON),
        (gzipped(b" \n" * 70_000 + b'{"traceEvents": []}'), TraceFormat.KINETO_JSON),
        (HEADER.encode(), TraceFormat.NCU_CSV),
        (HEADER.encode("utf-16"), TraceFormat.NCU_CSV),
        (HEADER.replace('"', "").encode(), TraceFormat.NCU_CSV),
        (b'{"lr": 0.1}\n==PROF== Connected\n' + HEADER.encode(), TraceFormat.NCU_CSV),
        (b"epoch 3, loss 0.5\n" * 9000 + HEADER.encode(), TraceFormat.NCU_CSV),
        (b"[INFO] step\n" * 9000 + HEADER.encode(), TraceFormat.NCU_CSV),
        (b"a==b\r\n" * 300_000 + b"x" * 80_000 + b"\r\n" + HEADER.encode(), TraceFormat.NCU_CSV),
        (b"==ERROR== ERR_NVGPUCTRPERM\n", TraceFormat.NCU_CSV),
        (b"epoch 3, loss 0.5\n" * 9000 + b"==ERROR== ERR_NVGPUCTRPERM\n", TraceFormat.NCU_CSV),
        (b'{"traceEvents": [], "note": "==PROF=="}', TraceFormat.KINETO_JSON),
    ],
)
def test_the_content_decides(tmp_path: Path, content: bytes, found: TraceFormat) -> None:
    path = tmp_path / "trace.sqlite"
    path.write_bytes(content)
    assert trace_format(path) == found


@pytest.mark.parametrize("content", [HEADER.encode(), b"SQLite format 3\0" + bytes(100)])
def test_only_a_trace_of_torch_is_read_packed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trace.gz"
    path.write_bytes(gzipped(content))
    with pytest.raises(BadInput, match="is packed by gzip") as raised:
        trace_format(path)
    assert raised.value.hint == "unpack it: gunzip trace.gz"


@pytest.mark.parametrize("cut", [4, 20, 60])
def test_a_cut_gzip_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "trace.json.gz"
    path.write_bytes(gzipped(os.urandom(500))[:-cut])
    with pytest.raises(BadInput, match=Refusal.NOT_GZIP):
        trace_format(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BadInput) as raised:
        read_beginning(pipe)
    assert f"{pipe} {Refusal.NOT_REGULAR}" in raised.value.message


def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, reason in (
        (tmp_path, Refusal.FOLDER),
        (tmp_path / "none", "no such file"),
        (loop, "too many levels of symbolic links"),
        (tmp_path / ("n" * 300), "file name too long"),
    ):
        with pytest.raises(BadInput) as raised:
            read_beginning(path)
        assert reason in raised.value.message
