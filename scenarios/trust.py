"""Whether the code in a run folder is what this user's moeprof wrote there.

To go on with a run executes its scripts and its copies of op files, and a run may come from anyone.
So moeprof keeps a keyed digest (HMAC-SHA256, RFC 2104) of these files beside them. Its key is
random, is made once, and only this user can read it: $XDG_STATE_HOME/moeprof/trust.key, by default
below ~/.local/state (XDG Base Directory Specification). Nobody else can make the digest, and it
matches no other file.
"""

import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from ..store.disk.user_state import user_state
from ..store.errors import BadInput
from ..store.files import read_bytes, read_text, reason, write_whole
from ..store.plan import OpPlan, Plan
from ..store.recording import sha256_of
from ..store.run import Run
from .mixed_workload import NAME
from .script import is_of_other_protocol

TRUST_FILE: Final = "trust.hmac"
_KEY_BYTES: Final = 32
_NAMED: Final = 3  # files that a refusal names


class NoKey(Exception):
    """The user has no key, and none can be made; the message says why."""


def sign(run: Run, plan: Plan) -> None:
    """Keep the digest of the files of a run that may be executed. Raises NoKey without a key."""
    write_whole(run.folder / TRUST_FILE, _digest(run, plan, _own_key()) + "\n")


def check_trusted(run: Run, plan: Plan, *, trust: bool) -> None:
    """Raise BadInput where files to be executed are not those that `sign` saw.

    A script of another protocol is never executed: it is generated anew first. With `trust` the
    files are signed instead, as far as there is a key. Raises BadInput all the same for an op file
    that leads out of the run's folder.
    """
    for op_plan in plan.ops:
        op_file(run, op_plan)
    if trust:
        with suppress(NoKey):
            sign(run, plan)
        return
    why = _why_foreign(run, plan)
    if why is not None:
        raise BadInput(
            f"{why}, and to go on with {run.folder} executes its {_named(run, plan)}",
            hint="read these files, and add --trust if they may run as you",
        )


def op_file(run: Run, op_plan: OpPlan) -> Path | None:
    """Give the run's copy of the user's file with an operation; None for moeprof's own.

    Raises BadInput where it is a link that leads out of the run's folder.
    """
    if op_plan.source is None:
        return None
    path = run.folder / op_plan.source
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(os.path.realpath(run.folder)):
        raise BadInput(
            f"{path} leads out of the run, to {target}",
            hint="put the file itself there, or profile anew",
        )
    return path


def _why_foreign(run: Run, plan: Plan) -> str | None:
    """Say why the files of a run are not known to be this user's; None where they are."""
    if all(_is_script_to_renew(path) for path in _executed(run, plan)):
        return None
    path = run.folder / TRUST_FILE
    if not os.path.exists(path):
        return f"{run.folder} has no {TRUST_FILE} by which you began it on this machine"
    try:
        expected = _digest(run, plan, _key())
        found = read_text(path).strip()
    except NoKey as reason:
        return str(reason)
    except BadInput as refusal:
        return refusal.message
    if not hmac.compare_digest(found.encode(), expected.encode()):
        return f"{path} is not of your key and these files"
    return None


def _named(run: Run, plan: Plan) -> str:
    names = [str(path.relative_to(run.folder)) for path in _executed(run, plan)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _executed(run: Run, plan: Plan) -> Iterator[Path]:
    """Give every file of a run that may be executed, whether or not it is there."""
    for op_plan in plan.ops:
        yield run.script(op_plan.op)
        source = op_file(run, op_plan)
        if source is not None:
            yield source
    if run.script(NAME).exists():
        yield run.script(NAME)


def _is_script_to_renew(path: Path) -> bool:
    if path.parent.name != "scripts":
        return False
    return path.is_file() and is_of_other_protocol(read_bytes(path))


def _digest(run: Run, plan: Plan, key: bytes) -> str:
    """Keyed digest of the files by their paths in the run, in hex."""
    files = {str(path.relative_to(run.folder)): _sha256(path) for path in _executed(run, plan)}
    return hmac.digest(key, json.dumps(files, sort_keys=True).encode(), "sha256").hex()


def _sha256(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None


def _key_path() -> Path:
    """Where this user's key lies. Raises NoKey for a user without a home."""
    state = user_state()
    if state is None:
        raise NoKey("you have no home folder with a key to know your own runs by")
    return state / "trust.key"


def _own_key() -> bytes:
    """Read this user's key, made if it is missing."""
    path = _key_path()
    if not os.path.exists(path):  # `exists` of a Path raises for a folder of another user
        try:
            _make_key(path)
        except OSError as error:
            raise _no_key(path, error) from error
    return _key()


def _make_key(path: Path) -> None:
    """Make a key whole, for this user alone; of two processes the first one's stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()


def _key() -> bytes:
    """Read this user's key. Raises NoKey for one that another user may read, or could have made."""
    path = _key_path()
    try:
        found = path.stat()
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise NoKey(f"your key {path} is not yours alone: chmod 600, or remove it")
        key = read_bytes(path)
    except OSError as error:
        raise _no_key(path, error) from error
    except BadInput as refusal:
        raise NoKey(f"your key: {refusal.message}") from refusal
    if len(key) != _KEY_BYTES:
        raise NoKey(f"your key {path} is not of {_KEY_BYTES} bytes: remove it")
    return key


def _no_key(path: Path, error: OSError) -> NoKey:
    return NoKey(f"there is no key {path}: {reason(error)}")
