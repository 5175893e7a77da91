"""What Django serves: everything below /_/."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from jobsite import health

urlpatterns = [
    path("_/health", health.health, name="health"),
    path("_/ready", health.ready, name="ready"),
    path("_/metrics", health.metrics, name="metrics"),
    path("_/api/", include("jobs.api.urls")),
    # One login, with its limit on guesses: Django admin's own form would have none.
    path("_/admin/login/", RedirectView.as_view(pattern_name="console:login", query_string=True)),
    path("_/admin/", admin.site.urls),
    path("_/", include("jobs.pages.urls")),
]
