"""Until when a sweep may measure: its budget, and the shares of its parts."""
