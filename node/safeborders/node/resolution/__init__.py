"""Which records of one country are one person: candidates with reasons, decided by people, undone exactly."""
