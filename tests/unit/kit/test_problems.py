"""Every failure becomes a problem document that repeats nothing of the request and nothing of a row."""

from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI
from pydantic import AfterValidator, BaseModel, ConfigDict

from safeborders.kit.errors import Conflict, NotFound, SafeBordersError, Unavailable
from safeborders.kit.http import BodyLimit, SecurityHeaders
from safeborders.kit.problems import COMMON_STATUSES, describe_mistakes, find_status, install_problem_edge
from sbtest.web import client_of

CANARY = "Maria Canary"


class _Teapot(SafeBordersError):
    code = "test.teapot"


class _SmallTeapot(_Teapot):
    code = "test.small_teapot"


def _careless(value: str) -> str:
    raise ValueError(f"{value} is no good")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, AfterValidator(_careless)]


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    app = FastAPI()
    install_problem_edge(app, statuses={_Teapot: 418})
    app.add_middleware(BodyLimit, max_bytes=100)
    app.add_middleware(SecurityHeaders)

    @app.get("/raise/{name}")
    def fail(name: str) -> None:
        errors: dict[str, Exception] = {
            "teapot": _SmallTeapot("It is a teapot.", name=CANARY),
            "down": Unavailable("It is down."),
            "crash": RuntimeError(f"The row of {CANARY} is in the way."),
        }
        raise errors[name]

    @app.post("/names")
    def take(body: _Body) -> str:
        return body.name

    with client_of(app) as client:
        yield client


def test_a_known_error_keeps_its_sentence_and_loses_its_context(client: httpx.Client) -> None:
    answer = client.get("/raise/teapot")

    assert (answer.status_code, answer.headers["content-type"]) == (418, "application/problem+json")
    assert answer.json() == {
        "type": "urn:safeborders:problem:test.small_teapot",
        "title": "I'm a Teapot",
        "status": 418,
        "detail": "It is a teapot.",
        "code": "test.small_teapot",
    }


def test_an_unforeseen_error_says_only_a_trace_number(client: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    answer = client.get("/raise/crash")

    assert answer.status_code == 500
    assert CANARY not in answer.text
    output = "".join(capfd.readouterr())
    assert answer.json()["trace_id"] in output
    assert CANARY not in output


def test_what_is_down_may_be_tried_again_later(client: httpx.Client) -> None:
    answer = client.get("/raise/down")

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("body", [{"name": CANARY}, {CANARY: 1}, {"name": [CANARY]}, CANARY])
def test_a_malformed_request_never_hears_its_own_words(client: httpx.Client, body: object) -> None:
    answer = client.post("/names", json=body)

    assert answer.status_code == 422
    assert CANARY not in answer.text
    assert answer.json()["errors"]


def test_the_words_would_be_heard_without_the_edge() -> None:
    app = FastAPI()

    @app.post("/names")
    def take(body: _Body) -> str:
        return body.name

    with client_of(app) as client:
        assert CANARY in client.post("/names", json={"name": CANARY}).text


def test_mistakes_name_the_place_and_the_kind_only() -> None:
    mistakes = describe_mistakes(
        [{"type": "extra_forbidden", "loc": ("body", CANARY), "msg": "Extra inputs are not permitted", "input": CANARY}]
    )

    assert mistakes == [{"pointer": "/body", "type": "extra_forbidden", "message": "Extra inputs are not permitted"}]


def test_unknown_paths_and_methods_are_problems_too(client: httpx.Client) -> None:
    for answer, status in ((client.get("/none"), 404), (client.delete("/names"), 405)):
        assert (answer.status_code, answer.json()["code"]) == (status, f"http.{status}")


@pytest.mark.parametrize("pieces", [[b"x" * 101], [b"x" * 60, b"x" * 60]])
def test_a_body_beyond_the_limit_is_refused_announced_or_not(client: httpx.Client, pieces: list[bytes]) -> None:
    answer = client.post("/names", content=iter(pieces))

    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_nearest_class_decides_the_status() -> None:
    assert find_status(NotFound, COMMON_STATUSES) == 404
    assert find_status(Conflict, COMMON_STATUSES) == 409
    assert find_status(_Teapot, COMMON_STATUSES) == 500
    assert find_status(_SmallTeapot, {**COMMON_STATUSES, _Teapot: 418}) == 418
