"""Routes of the console's pages, below `/_/`."""

from django.urls import path

from jobs.pages import acting, backends, buckets, job, jobs_list, migrate, reencrypt, rules, sign_in, users
from jobs.pages.browser import changing, objects, one

app_name = "console"
urlpatterns = [
    path("", sign_in.home, name="home"),
    path("login/", sign_in.login_page, name="login"),
    path("logout/", sign_in.logout, name="logout"),
    path("jobs/", jobs_list.jobs, name="jobs"),
    path("jobs/<str:job_id>/", job.job, name="job"),
    path("jobs/<str:job_id>/<str:action>/", acting.act, name="act"),
    path("migrate/", migrate.migrate, name="migrate"),
    path("reencrypt/", reencrypt.reencrypt, name="reencrypt"),
    path("rules/reload/", rules.reload, name="reload-rules"),
    path("backends/", backends.backends, name="backends"),
    path("buckets/", buckets.buckets, name="buckets"),
    path("buckets/<str:bucket>/", objects.objects, name="objects"),
    path("buckets/<str:bucket>/object/", one.details, name="object"),
    path("buckets/<str:bucket>/download/", one.download, name="download"),
    path("buckets/<str:bucket>/upload/", changing.upload, name="upload"),
    path("buckets/<str:bucket>/delete/", changing.delete, name="delete"),
    path("buckets/<str:bucket>/restore/", changing.restore, name="restore"),
    path("users/", users.users, name="users"),
    path("users/<str:name>/", users.user, name="user"),
]
