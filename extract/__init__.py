"""Fills the warehouse's raw schemas: knows the sources, knows nothing of what becomes of the rows."""
