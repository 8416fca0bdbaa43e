"""What the stages hand on, and where it lies: documents, tables, run folders, errors."""
