"""Secure aggregation: the coordinator learns the sum over the countries of a round, and no country's part of it."""
