"""The HTTP API in front of a model file: nested events in, questions by field or by whole event."""

import json
from contextlib import closing
from http.client import HTTPConnection

from gateway.conftest import Make
from producer.simulate import nested
from support.service import LEARNED
from support.waiting import wait_until
from unit.model_files import EXAMPLES


def test_nested_events_are_learned_and_asked_about(make: Make) -> None:
    world = make(MODEL=str(EXAMPLES / "segment.toml"))
    events = [*nested(800, 1)]
    orders = sum(event["event"] == "Order Completed" for event in events)
    assert world.gateway.post("/v1/ia/events", events).document["accepted"] == 800
    wait_until(lambda: world.service.metric(LEARNED) == orders)
    by_name = world.gateway.get("/v1/ia/predict?price=20&os=Android")
    whole = {"properties": {"price": "20"}, "context": {"os": {"name": "Android"}}}
    by_event = world.gateway.post("/v1/ia/predict", {"event": whole})
    assert by_name.status == by_event.status == 200
    assert by_name.document["prediction"] == by_event.document["prediction"]
    assert abs(by_name.document["prediction"] - 35) < 1
    summary = world.gateway.get("/v1/ia/describe").document["summary"]
    assert [*summary["os"]["levels"]] == ["iOS", "Android", "other"]
    assert summary["price"]["missing"] > 0
    refused = world.gateway.get("/v1/ia/predict?price=20&os=BeOS&colour=1")
    assert (refused.status, refused.document["code"]) == (422, "unknown-field")
    table = world.gateway.get("/v1/ia/train?formula=revenue~price").document
    assert table["n"] < orders
    with closing(HTTPConnection("127.0.0.1", world.gateway.port, timeout=30)) as watching:
        watching.request("GET", "/v1/ia/live?over=os")
        stream = watching.getresponse()
        data = next(line for line in stream if line.startswith(b"data:"))
    page = json.loads(data.removeprefix(b"data:"))
    assert page["features"] == {"needed": ["price", "os"], "others": ["quantity", "hour"]}
    assert page["effect"]["over"] == "os"
    assert [point["x"] for point in page["effect"]["points"]] == ["iOS", "Android", "other"]
    assert page["outcomes"]["skipped"] == 800 - orders
