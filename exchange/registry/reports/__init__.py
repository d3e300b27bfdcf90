"""Reports: pure projections of the log. Run twice, they give the same bytes."""
