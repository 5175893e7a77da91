"""The files of a form: kept on the state disk for a moment, where nobody can read them."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from proxy.crypto.scratch import ScratchFile


class NamelessFiles(FileUploadHandler):
    """Takes every file, whatever its size, at the cost of one write to the disk."""

    file: Any = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        kept = cast(IO[bytes], ScratchFile(Path(settings.HOME)))  # (closed with the request)
        self.file = UploadedFile(kept, self.file_name, self.content_type, 0, self.charset)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> Any:
        self.file.seek(0)
        self.file.size = file_size
        return self.file

    def upload_interrupted(self) -> None:
        if self.file is not None:
            self.file.close()
