"""A method is called in a forked process, while its object is there."""

import gc
import os

from moeprof.router.after_fork import call_in_child
from moeprof.tests.router.forked import fork


class Counted:
    def __init__(self) -> None:
        self.calls = 0

    def call(self) -> None:
        self.calls += 1


def exit_code_of_child(counted: list[Counted]) -> int:
    child = fork()
    if not child:
        os._exit(10 + sum(one.calls for one in counted))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_method_is_called_in_the_child_alone() -> None:
    counted = [Counted(), Counted()]
    for one in counted:
        call_in_child(one.call)
    assert exit_code_of_child(counted) == 12
    assert [one.calls for one in counted] == [0, 0]


def test_an_object_is_not_kept_for_it() -> None:
    counted = [Counted()]
    call_in_child(counted[0].call)
    counted.clear()
    gc.collect()
    assert exit_code_of_child(counted) == 10
