"""Routes of the admin API, below `/_/api/`."""

from django.urls import path

from jobs.api import buckets, documents, jobs, reencrypt, rules, session

app_name = "api"
urlpatterns = [
    path("admin/login", session.Login.as_view(), name="login"),
    path("admin/logout", session.Logout.as_view(), name="logout"),
    path("admin/jobs", jobs.JobList.as_view(), name="jobs"),
    path("admin/jobs/reencrypt", reencrypt.Reencrypt.as_view(), name="reencrypt"),
    path("admin/jobs/reencrypt/preview", reencrypt.ReencryptPreview.as_view(), name="reencrypt-preview"),
    path("admin/jobs/bucket/<str:bucket>", jobs.BucketBusyState.as_view(), name="busy"),
    path("admin/jobs/<str:job_id>", jobs.JobOne.as_view(), name="job"),
    path("admin/jobs/<str:job_id>/runs", jobs.JobRuns.as_view(), name="runs"),
    path("admin/jobs/<str:job_id>/failures", jobs.JobFailures.as_view(), name="failures"),
    path("admin/jobs/<str:job_id>/<str:action>", jobs.JobAction.as_view(), name="action"),
    path("admin/buckets", buckets.BucketList.as_view(), name="buckets"),
    path("admin/buckets/<str:bucket>/migrate", buckets.Migrate.as_view(), name="migrate"),
    path(
        "admin/buckets/<str:bucket>/migrate/preview", buckets.MigratePreview.as_view(), name="migrate-preview"
    ),
    path("admin/rules", rules.Rules.as_view(), name="rules"),
    path("admin/rules/check", rules.RulesCheck.as_view(), name="rules-check"),
    path("admin/rules/sync", rules.RulesSync.as_view(), name="rules-sync"),
    path("admin/backends", buckets.BackendList.as_view(), name="backends"),
    path("schema/", documents.Schema.as_view(), name="schema"),
    path("docs/", documents.Docs.as_view(), name="docs"),
]
