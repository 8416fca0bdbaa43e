"""Why a trace file is refused, and what the user is warned of about one that is read."""

from enum import StrEnum


class Refusal(StrEnum):
    """Part of the message of BadInput that names the reason; the file's name stands before it."""

    MISSING = "does not exist"
    EMPTY = "is empty (0 bytes)"
    CUT_SHORT = "is cut short"
    NOT_GZIP = "is no intact gzip file"
    UNKNOWN_FORMAT = "is no trace that moeprof knows"
    NO_EVENTS = "holds no kernels and no ranges"
    SAME_FILE = "is the trace itself"

    NSYS_REPORT = "is a report of Nsight Systems, not its SQLite export"
    NVPROF = "is a database of nvprof, not an export of Nsight Systems"
    OTHER_DATABASE = "is an SQLite database, but no export of Nsight Systems"
    UNREADABLE_DATABASE = "cannot be read as an SQLite database"
    LOCKED = "is locked: another program is writing it"
    CHANGES_BESIDE = "is not whole without"

    NCU_REPORT = "is a report of Nsight Compute"
    NCU_REPORT_DAMAGED = "is cut short or damaged"
    NCU_REPORT_EMPTY = "holds no kernel that ncu-report can read"
    NOT_NCU_CSV = "is no CSV page of Nsight Compute"
    NCU_DETAILS = "is the details page of Nsight Compute"

    NOT_JSON = "is not valid JSON"
    NOT_KINETO = "is JSON, but no torch.profiler trace"
    DAMAGED_EVENT = "holds an event without what it needs"
    SEVERAL_PROCESSES = "holds CUDA calls of"


class TraceWarning(StrEnum):
    """Part of a warning's sentence that names the reason."""

    NEWER_SCHEMA = "is newer than"
    UNKNOWN_SCHEMA = "what its columns mean is taken from their names"
    UNKNOWN_SHIFT = "and no number of ns: its start times may be off by a constant"
    TIMES_SINCE_EPOCH = "its times are read as since 1970, because no session lasts years"
    NO_SESSION_START = "does not say when it began"
    GRAPHS_TRACED_WHOLE = "launch(es) of CUDA graphs were traced whole"
    UNTIMED = "kernel(s) have impossible times"
    STARTS_BEFORE_LAUNCH = "kernel(s) start before their launch"
