"""Jobs and schedules, on PgQueuer."""
