"""Routes of the console's pages, below `/_/`."""

from django.urls import path
from django.views.generic import RedirectView

from jobs.pages import buckets, job, jobs_list, migrate, sign_in

app_name = "console"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="console:jobs"), name="home"),
    path("login/", sign_in.login_page, name="login"),
    path("logout/", sign_in.logout, name="logout"),
    path("jobs/", jobs_list.jobs, name="jobs"),
    path("jobs/<str:job_id>/", job.job, name="job"),
    path("jobs/<str:job_id>/<str:action>/", job.act, name="act"),
    path("migrate/", migrate.migrate, name="migrate"),
    path("buckets/", buckets.buckets, name="buckets"),
]
