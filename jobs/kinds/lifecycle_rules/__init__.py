"""The parts of the lifecycle job: what rules say, what is decided by them, and what is then done."""
