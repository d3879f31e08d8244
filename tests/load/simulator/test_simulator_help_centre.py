"""Collections and articles, as the official description has them."""

from simulated import Clock, Simulated


def test_collection_lies_in_another_whose_id_is_a_string(sim: Simulated) -> None:
    outer = sim.ok("POST", "/help_center/collections", {"name": "Services"})
    inner = sim.ok("POST", "/help_center/collections", {"name": "Mail", "parent_id": outer["id"]})

    assert (outer["parent_id"], inner["parent_id"]) == (None, outer["id"])
    assert [item["id"] for item in sim.ok("GET", "/help_center/collections")["data"]] == [inner["id"], outer["id"]]


def test_collection_needs_a_name(sim: Simulated) -> None:
    assert sim.refused("POST", "/help_center/collections", {"description": "x"}) == (
        400,
        "parameter_not_found",
        "Name is a required parameter.",
    )


def test_collections_are_nested_three_deep_at_most(sim: Simulated) -> None:
    parent = None
    for _ in range(3):
        parent = sim.ok("POST", "/help_center/collections", {"name": "Same", "parent_id": parent})["id"]

    assert sim.refused("POST", "/help_center/collections", {"name": "Same", "parent_id": parent})[0] == 400


def test_article_is_a_draft_unless_it_says_otherwise(sim: Simulated) -> None:
    collection = sim.ok("POST", "/help_center/collections", {"name": "Services"})["id"]
    sent = {"title": "Mail", "author_id": int(sim.admin), "parent_id": int(collection), "parent_type": "collection"}
    article = sim.ok("POST", "/articles", {**sent, "body": "<p>Our mail.</p>"})

    assert (article["state"], article["parent_ids"]) == ("draft", [int(collection)])
    assert sim.ok("GET", f"/articles/{article['id']}")["body"] == "<p>Our mail.</p>"


def test_article_needs_an_author_who_is_a_number(sim: Simulated) -> None:
    assert sim.refused("POST", "/articles", {"title": "Mail"})[:2] == (400, "parameter_not_found")
    assert sim.refused("POST", "/articles", {"title": "Mail", "author_id": sim.admin})[0] == 400
    assert sim.refused("POST", "/articles", {"title": "Mail", "author_id": 1})[:2] == (400, "parameter_not_found")


def test_titles_may_repeat(sim: Simulated) -> None:
    sent = {"title": "Mail", "author_id": int(sim.admin)}
    ids = {sim.ok("POST", "/articles", sent)["id"] for _ in range(2)}

    assert len(ids) == 2


def test_list_of_articles_begins_with_what_changed_last(sim: Simulated, clock: Clock) -> None:
    for number in range(30):
        clock.now += 1
        sim.ok("POST", "/articles", {"title": str(number), "author_id": int(sim.admin)})
    first = sim.ok("GET", "/articles")
    rest = sim.ok("GET", f"/articles?starting_after={first['pages']['next']['starting_after']}")

    assert [item["title"] for item in first["data"] + rest["data"]] == [str(number) for number in range(29, -1, -1)]


def test_deleted_collection_leaves_its_articles_alone(sim: Simulated) -> None:
    outer = sim.ok("POST", "/help_center/collections", {"name": "Services"})["id"]
    inner = sim.ok("POST", "/help_center/collections", {"name": "Mail", "parent_id": outer})["id"]
    sent = {"title": "Mail", "author_id": int(sim.admin), "parent_id": int(inner), "parent_type": "collection"}
    article = sim.ok("POST", "/articles", sent)["id"]

    assert sim.ok("DELETE", f"/help_center/collections/{outer}") == {
        "id": outer,
        "object": "collection",
        "deleted": True,
    }
    assert sim.refused("GET", f"/help_center/collections/{inner}")[0] == 404
    assert sim.ok("GET", f"/articles/{article}")["parent_ids"] == []


def test_deleted_article_is_gone(sim: Simulated) -> None:
    article = sim.ok("POST", "/articles", {"title": "Mail", "author_id": int(sim.admin)})["id"]

    assert sim.ok("DELETE", f"/articles/{article}")["deleted"] is True
    assert sim.refused("DELETE", f"/articles/{article}")[:2] == (404, "not_found")


def test_article_is_changed_where_the_request_says_so(sim: Simulated, clock: Clock) -> None:
    sent = {"title": "Mail", "author_id": int(sim.admin), "body": "<p>Our mail.</p>"}
    article = sim.ok("POST", "/articles", sent)
    clock.now += 1
    changed = sim.ok("PUT", f"/articles/{article['id']}", {"title": "Post", "state": "published"})

    assert changed == article | {"title": "Post", "state": "published", "updated_at": int(clock.now)}
    assert sim.ok("PUT", f"/articles/{article['id']}", {"body": "<p>Gone.</p>"}) == changed | {"body": "<p>Gone.</p>"}
    assert sim.refused("PUT", f"/articles/{article['id']}", {"state": "public"})[0] == 400
    assert sim.refused("PUT", "/articles/0", {"title": "Post"})[:2] == (404, "not_found")
