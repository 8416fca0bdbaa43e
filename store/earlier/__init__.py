"""Bodies of files that earlier versions wrote, brought into the form of the current one."""
