"""What a caller can try out without real data: the published static cases, a demo world, faults, a clock."""
