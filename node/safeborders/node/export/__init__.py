"""Takes a country's records out again: only rows that may leave, pseudonymised unless somebody answers for names."""
