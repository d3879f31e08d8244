"""The few functions that SQL calls and SQL cannot do well; registered by `plugin`."""
