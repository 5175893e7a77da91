"""What Django serves: everything below /_/."""

from django.contrib import admin
from django.urls import include, path

from jobsite import health

urlpatterns = [
    path("_/health", health.health, name="health"),
    path("_/ready", health.ready, name="ready"),
    path("_/metrics", health.metrics, name="metrics"),
    path("_/api/", include("jobs.api.urls")),
    path("_/admin/", admin.site.urls),
    path("_/", include("jobs.pages.urls")),
]
