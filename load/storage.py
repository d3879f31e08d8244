"""Where files go that are larger than Intercom takes: a folder, or any store that fsspec knows.

A file stands under the hash of its own bytes, so none is ever replaced by another. It is written under a name of
its own, compared and moved: under its real name it is whole.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from load.errors import AgainError, RejectedError, StorageError

CHUNK = 4 * 1024 * 1024
"""Bytes that are read at once; of base64, a multiple of four."""

UNFINISHED = ".part"


class FileStorage:
    """A folder for files, local or remote."""

    def __init__(self, url: str) -> None:
        """Nothing is opened before the first file.

        Args:
            url: FILE_STORAGE__URL, a path or a URL of fsspec, such as `s3://bucket/files`.
        """
        self._url = url
        self._opened: tuple[Any, str] | None = None

    def put(self, path: str, spooled: Path, size: int, sha256: str) -> bool:
        """Write a file, unless it is there.

        Args:
            path: below the folder.
            spooled: its content in base64.
            size: bytes of the content.
            sha256: of the content, in hex.

        Returns:
            True when it was written, False when it was there.

        Raises:
            RejectedError: the content is not what it should be.
            AgainError: the storage did not take it.
            StorageError: there is no such storage.
        """
        fs, root = self._open()
        target = f"{root}/{path}"
        with _asked():
            if self._holds(fs, target, size, sha256):
                return False
            fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            written, digest = 0, hashlib.sha256()
            with fs.open(target + UNFINISHED, "wb") as file:
                for chunk in _decoded(spooled):
                    file.write(chunk)
                    digest.update(chunk)
                    written += len(chunk)
            if (written, digest.hexdigest()) != (size, sha256):
                fs.rm_file(target + UNFINISHED)
                raise RejectedError(
                    "the warehouse's content of the file is not what the plan says", code="file_differs"
                )
            fs.mv(target + UNFINISHED, target)
            if not self._holds(fs, target, size, sha256):
                raise AgainError("the storage of files shows another content than it was given", code="storage")
        return True

    def holds(self, path: str, size: int, sha256: str) -> bool:
        """Whether a file is there, with these bytes.

        Raises:
            AgainError: the storage did not say.
            StorageError: there is no such storage.
        """
        fs, root = self._open()
        with _asked():
            return self._holds(fs, f"{root}/{path}", size, sha256)

    def exists(self, path: str) -> bool:
        """Whether there is a file.

        Raises:
            AgainError: the storage does not say.
            StorageError: there is no such storage.
        """
        fs, root = self._open()
        with _asked():
            fs.invalidate_cache()
            return bool(fs.exists(f"{root}/{path}"))

    def require(self) -> None:
        """Make sure that the folder, or the one above it in which it can be made, is there. Writes nothing.

        Raises:
            StorageError: there is no such storage, or it does not answer.
        """
        fs, root = self._open()
        try:
            if fs.exists(root) or fs.exists(root.rpartition("/")[0]):
                return
        except Exception as error:
            raise StorageError(
                f"the storage of FILE_STORAGE__URL does not answer ({type(error).__name__}). Check its address and "
                "its credentials."
            ) from error
        raise StorageError("the folder that FILE_STORAGE__URL names does not exist: create it, or name another one.")

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is as good."""
        fs, root = self._open()
        with _asked():
            try:
                fs.rm_file(f"{root}/{path}")
            except FileNotFoundError:
                return

    def _open(self) -> tuple[Any, str]:
        if self._opened is None:
            try:
                fs, root = fsspec.core.url_to_fs(self._url)
            except (ImportError, ValueError) as error:
                raise StorageError(
                    "FILE_STORAGE__URL names a kind of storage that is not installed or not known "
                    f"({type(error).__name__}). Install fsspec's package for it, or name a folder."
                ) from error
            self._opened = fs, str(root).rstrip("/")
        return self._opened

    @staticmethod
    def _holds(fs: Any, target: str, size: int, sha256: str) -> bool:
        fs.invalidate_cache()
        try:
            if fs.info(target)["size"] != size:
                return False
            digest = hashlib.sha256()
            with fs.open(target, "rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
        except FileNotFoundError:
            return False
        return digest.hexdigest() == sha256


def _decoded(spooled: Path) -> Iterator[bytes]:
    with spooled.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield base64.b64decode(chunk)


@contextmanager
def _asked() -> Iterator[None]:
    """Turn whatever a storage raises into "again later"; a message of its own may hold names, so it is left out."""
    try:
        yield
    except (AgainError, RejectedError):
        raise
    except Exception as error:
        raise AgainError(f"the storage of files does not take it ({type(error).__name__})", code="storage") from error
