"""`manage.py serve`: starts the web server, the scheduler and the job clusters, and keeps them alive."""
