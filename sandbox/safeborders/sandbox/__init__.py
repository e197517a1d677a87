"""The synthetic world and the demonstration on it: practice without a real person."""
