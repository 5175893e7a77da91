"""The admin API: DRF views that make one call to `jobs.actions` each."""
