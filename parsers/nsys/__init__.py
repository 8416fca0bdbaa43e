"""SQLite exports of Nsight Systems: opened, checked, and read into a `Trace`."""
