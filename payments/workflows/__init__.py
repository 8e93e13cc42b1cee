"""Changes of state of slips, bank files, allocations, surcharges and holds: one verb per function."""
