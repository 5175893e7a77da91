"""`manage.py serve`: starts the web server, the job cluster and the scheduler, and keeps them alive."""
