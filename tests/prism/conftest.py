"""What the tests against Intercom's description share.

Those that need Node.js are run by ``scripts/prism-check`` only.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from prism.description import Schema, read_description
from prism.proxy import NodeMissingError, corrected_description, installed_prism, prism_proxy


@pytest.fixture(scope="session")
def description(intercom_description: Path) -> Schema:
    """Return Intercom's description as it was published."""
    return read_description(intercom_description / "openapi-2.16.yaml")


@pytest.fixture(scope="session")
def prism(
    intercom_description: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], AbstractContextManager[str]]:
    """Return ``prism(upstream_url)``: a context manager that gives the address to use instead.

    An upstream's address is such as ``http://127.0.0.1:8080``.
    """
    if os.environ.get("PRISM") != "1":
        pytest.skip("needs Node.js, so it is a job of its own: scripts/prism-check")
    try:
        installed_prism()
    except NodeMissingError as error:
        pytest.skip(str(error))
    target = tmp_path_factory.mktemp("prism") / "openapi-2.16.corrected.yaml"
    return partial(prism_proxy, description=corrected_description(intercom_description, target))
