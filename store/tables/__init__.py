"""The tables that stages hand on: their columns, and how they are read and written."""
