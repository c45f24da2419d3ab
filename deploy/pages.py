"""MkDocs' hook for the documentation: links to the tree's files, and nothing from elsewhere.

In the tree a page may link to any file. The site has the pages alone, so there such a link becomes
the file's path; one that leads nowhere is a warning, as of a page, and fails a strict build.
"""

import logging
import re
from pathlib import Path
from typing import Any, Final

log: Final = logging.getLogger("mkdocs.plugins.pages")

LINK: Final = re.compile(r"\[([^\]\n]+)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
LOADED: Final = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"?https?://[^\">]+")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:  # noqa: ANN401 - MkDocs has its own types
    """Write the paths of files outside the documentation."""
    docs = Path(config.docs_dir)
    here = (docs / page.file.src_uri).parent

    def path(link: re.Match[str]) -> str:
        target = (here / link[2]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            log.warning("%s links to %s, which is not there", page.file.src_uri, link[2])
        name = target.relative_to(docs.parent).as_posix()
        return link[1] if name in link[1] else f"{link[1]} (`{name}`)"

    return LINK.sub(path, markdown)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:  # noqa: ANN401 - (the same)
    """Warn of what a reader without a network would miss."""
    for found in LOADED.findall(output):
        log.warning("%s loads from elsewhere: %s", page.file.src_uri, found)
    return output
