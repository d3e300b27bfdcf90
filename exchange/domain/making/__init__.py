"""What market makers need of the venue: two-sided quotes, protection, and FIX sessions. Forms stand in `forms`."""
