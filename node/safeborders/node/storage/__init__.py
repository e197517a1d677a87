"""Tables and repositories of a country's database; the only place that speaks SQL."""
