"""The networks themselves; torch is imported only here."""
