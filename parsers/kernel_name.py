"""The short name of a kernel: what is left of a demangled C++ signature without its parameters."""

from functools import lru_cache


@lru_cache(maxsize=65536)
def short_kernel_name(demangled: str) -> str:
    """Name of a kernel without return type, namespaces, template and function parameters.

    >>> short_kernel_name("void at::native::<unnamed>::copy<float, (int)4>(int, T1 const*)")
    'copy'
    """
    text = demangled.replace("(anonymous namespace)", "").replace("->", "")
    depth = 0
    kept = []
    for letter in text:
        if letter == "(" and depth == 0:
            break  # the function's parameters; those of a template are skipped below
        depth += (letter in "<([") - (letter in ">)]")
        if depth == 0 and letter not in ">)]":
            kept.append(letter)
    words = "".join(kept).split()
    return words[-1].rpartition("::")[2] if words else demangled
