"""What protects a person: units, accounting, ledger, clipping, noise. One reviewable place."""
