"""Handlers for the help centre: collections and articles.

Neither names nor titles need to be unique (Intercom REST 2.16, help centre and articles), so nothing but its id
tells one from another of the same name.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from load.simulator import rules, shapes
from load.simulator.call import Call, page_of
from load.simulator.rules import Refusal, invalid

_COLLECTIONS_ON_A_PAGE, _ARTICLES_ON_A_PAGE = 20, 25
_LARGEST_PAGE = 150
_DEEPEST = 3
_STATES = {"draft", "published"}


def list_collections(call: Call) -> dict[str, Any]:
    """All collections, what changed last first."""
    page = page_of(call.query, _COLLECTIONS_ON_A_PAGE, _LARGEST_PAGE)
    total = call.value("select count(*) from collections")
    rows = call.rows(
        "select * from collections order by updated_at desc, id desc limit ? offset ?", page.size, page.after
    )
    shown = [shapes.collection(call, row) for row in rows]
    return shapes.listing(shown, total_count=total, pages=page.pages(total))


def create_collection(call: Call) -> dict[str, Any]:
    """Makes a collection, in another one or at the top."""
    name = rules.text(call.body, "name")
    if not name:
        raise Refusal(400, "parameter_not_found", "Name is a required parameter.")
    parent = rules.text(call.body, "parent_id")
    if parent is not None and _depth(call, collection_row(call, parent)) >= _DEEPEST:
        raise invalid(f"Collections can only be nested {_DEEPEST} levels deep")
    made = call.tx.execute(
        "insert into collections (name, description, parent_id, created_at, updated_at) values (?, ?, ?, ?, ?)",
        (name, rules.text(call.body, "description"), None if parent is None else int(parent), call.now, call.now),
    )
    return shapes.collection(call, collection_row(call, str(made.lastrowid)))


def get_collection(call: Call) -> dict[str, Any]:
    """One collection."""
    return shapes.collection(call, collection_row(call, call.params["collection_id"]))


def delete_collection(call: Call) -> dict[str, Any]:
    """Deletes a collection and those in it; articles in them stand alone then."""
    row = collection_row(call, call.params["collection_id"])
    gone = [row["id"]]
    for collection in gone:  # it grows while it is walked
        gone.extend(below["id"] for below in call.rows("select id from collections where parent_id = ?", collection))
    for collection in gone:
        call.tx.execute("update articles set parent_id = null where parent_id = ?", (collection,))
        call.tx.execute("delete from collections where id = ?", (collection,))
    return {"id": str(row["id"]), "object": "collection", "deleted": True}


def collection_row(call: Call, collection_id: str) -> sqlite3.Row:
    """The collection with this id.

    Raises:
        Refusal: no such collection, 404.
    """
    row = None
    if collection_id.isdecimal():
        row = call.row("select * from collections where id = ?", int(collection_id))
    if row is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return row


def _depth(call: Call, row: sqlite3.Row) -> int:
    depth = 1
    while row["parent_id"] is not None:
        depth += 1
        row = collection_row(call, str(row["parent_id"]))
    return depth


def list_articles(call: Call) -> dict[str, Any]:
    """All articles, what changed last first."""
    page = page_of(call.query, _ARTICLES_ON_A_PAGE, _LARGEST_PAGE)
    total = call.value("select count(*) from articles")
    rows = call.rows("select * from articles order by updated_at desc, id desc limit ? offset ?", page.size, page.after)
    shown = [shapes.article(call, row) for row in rows]
    return shapes.listing(shown, total_count=total, pages=page.pages(total))


def create_article(call: Call) -> dict[str, Any]:
    """Makes an article: author and parent are numbers here, strings elsewhere."""
    body = call.body
    title = rules.needed(body, "title")
    author = rules.whole(body, "author_id")
    if author is None or call.row("select 1 from admins where id = ?", author) is None:
        message = "author_id must be in the main body or default locale translated_content object"
        raise Refusal(400, "parameter_not_found", message)
    content, state = _content(body), _state(body)
    parent = rules.whole(body, "parent_id")
    if parent is not None:
        if rules.text(body, "parent_type") not in {"collection", "section"}:
            raise invalid("parent_type must be collection or section")
        collection_row(call, str(parent))
    made = call.tx.execute(
        "insert into articles (title, description, body, author_id, state, parent_id, created_at, updated_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            title,
            rules.text(body, "description") or "",
            content or "",
            author,
            state or "draft",
            parent,
            call.now,
            call.now,
        ),
    )
    return shapes.article(call, _article_row(call, str(made.lastrowid)))


def get_article(call: Call) -> dict[str, Any]:
    """One article."""
    return shapes.article(call, _article_row(call, call.params["article_id"]))


def update_article(call: Call) -> dict[str, Any]:
    """Changes title, description, body or state of an article; what is not named stays as it is."""
    row = _article_row(call, call.params["article_id"])
    body = call.body
    given = {
        "title": rules.needed(body, "title") if "title" in body else None,
        "description": rules.text(body, "description"),
        "body": _content(body),
        "state": _state(body),
    }
    kept = {name: row[name] if value is None else value for name, value in given.items()}
    call.tx.execute(
        "update articles set title = ?, description = ?, body = ?, state = ?, updated_at = ? where id = ?",
        (*kept.values(), call.now, row["id"]),
    )
    return shapes.article(call, _article_row(call, str(row["id"])))


def delete_article(call: Call) -> dict[str, Any]:
    """Deletes an article."""
    row = _article_row(call, call.params["article_id"])
    call.tx.execute("delete from articles where id = ?", (row["id"],))
    return {"id": str(row["id"]), "object": "article", "deleted": True}


def _content(body: Mapping[str, Any]) -> str | None:
    if body.get("body") is not None and body.get("body_markdown") is not None:
        raise invalid("body and body_markdown are mutually exclusive")
    content = rules.text(body, "body")
    return rules.text(body, "body_markdown") if content is None else content


def _state(body: Mapping[str, Any]) -> str | None:
    state = rules.text(body, "state")
    if state is not None and state not in _STATES:
        raise invalid(f"state must be one of {', '.join(sorted(_STATES))}")
    return state


def _article_row(call: Call, article_id: str) -> sqlite3.Row:
    row = call.row("select * from articles where id = ?", int(article_id)) if article_id.isdecimal() else None
    if row is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return row
