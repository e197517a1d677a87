"""Measurements that print one JSON object as their last line; they never assert on time."""
