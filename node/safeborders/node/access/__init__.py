"""Who may look, for which purpose and case, and the record that they did."""
