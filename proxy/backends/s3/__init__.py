"""Services that speak S3 as a backend: AWS, MinIO, Ceph, SeaweedFS, another Sluicegate.

The only place that knows S3 as a client. `client` and what it stands on talk to a service; the rest makes
a backend of it: which real bucket is whose (`places`), what objects say of themselves (`stamps`) and what
is noted of them in the control database (`facts`), and the operations over both.
"""

from proxy.backends.s3.backend import S3Backend

__all__ = ["S3Backend"]
