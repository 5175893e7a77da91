"""The object browser: one bucket's objects, as far as the visitor's rights go."""
