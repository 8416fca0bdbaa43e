"""What a crash must not break: files and folders that are written aside, synced and renamed."""
