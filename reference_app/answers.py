"""Responses: JSON bodies, and errors as problem details (RFC 9457).

orjson writes bodies straight from the rows. The models of the routes document them and a test
checks that they agree; no request pays for validating its response.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

import apsw
import orjson
from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from reference_app import errors
from reference_app.allowances import FaultAllowance
from reference_app.database import DatabaseBusy, DatabaseError
from reference_app.errors import ShopError
from reference_app.queries import RequirementFailed, TableAbsent

# The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
LARGEST_ID = 2**53 - 1
STAFF_ONLY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
GUESTS_TOO: dict[str, Any] = {"security": [{}]}
"""`openapi_extra` of routes behind `AccessControl.anybody`: a token may be sent and need not be."""
Id = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]

_STATUSES: dict[type[ShopError], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
}
_LONGEST_FAULT = 200
_PROBLEM_TYPE = "application/problem+json"
_PROBLEM_REFERENCE = "#/components/schemas/Problem"
_log = logging.getLogger(__name__)

OnServerError = Callable[[Request, HTTPStatus, Exception], None]


def shown(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a model: no extra fields, and an example for OpenAPI."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class Fault(BaseModel):
    """One part of a request that cannot be used."""

    where: str
    detail: str


class Problem(BaseModel):
    """What went wrong, after RFC 9457; `detail` says what to do."""

    model_config = shown(
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "There is no product 7; take an id from GET /products.",
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[Fault] | None = None


class ProblemError(Exception):
    """Ends a request with a problem; `detail` is one sentence for the caller."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def not_found(detail: str) -> ProblemError:
    """A problem with status 404."""
    return ProblemError(HTTPStatus.NOT_FOUND, detail)


def unusable(detail: str) -> ProblemError:
    """A problem with status 422."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The entries of OpenAPI for problems of these statuses."""
    return {
        int(status): {
            "description": status.phrase,
            "content": {_PROBLEM_TYPE: {"schema": {"$ref": _PROBLEM_REFERENCE}}},
        }
        for status in (*statuses, HTTPStatus.UNPROCESSABLE_ENTITY)
    }


def describe(app: FastAPI) -> None:
    """Add the schema of problems to the OpenAPI document, and those that any route may answer.

    A read or a write may take too long (503), the disk may be full (507), a body may be unreadable
    (400), too large (413) or from a client with too many faults (429), and a cursor may be
    unknown (404).
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts = document.setdefault("components", {}).setdefault("schemas", {})
            parts |= {**schema.pop("$defs", {}), "Problem": schema}
            for unused in ("HTTPValidationError", "ValidationError"):
                parts.pop(unused, None)
            for methods in document["paths"].values():
                for method, operation in methods.items():
                    _complete(method, operation)
        schema_now: dict[str, Any] = generate()
        return schema_now

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(method: str, operation: dict[str, Any]) -> None:
    statuses = [HTTPStatus.SERVICE_UNAVAILABLE]
    if method != "get":
        statuses.append(HTTPStatus.INSUFFICIENT_STORAGE)
    if any(parameter["name"] == "after" for parameter in operation.get("parameters", ())):
        statuses.append(HTTPStatus.NOT_FOUND)
    if "requestBody" in operation:
        statuses += [
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.TOO_MANY_REQUESTS,
        ]
    for status, entry in documented(*statuses).items():
        if int(status) != HTTPStatus.UNPROCESSABLE_ENTITY or "422" in operation["responses"]:
            operation["responses"][str(status)] = entry


def answer(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(content), int(status), media_type="application/json")


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    faults: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem+json response."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
    }
    if faults is not None:
        body["faults"] = faults
    return Response(orjson.dumps(body), int(status), headers, _PROBLEM_TYPE)


def install(
    app: FastAPI,
    faults: FaultAllowance,
    on_server_error: OnServerError | None = None,
    *,
    faults_limit: int = 20,
) -> None:
    """Make every error of the application a problem.

    `on_server_error` is called for statuses from 500 on. A problem lists at most `faults_limit`
    faults of a request; `faults` counts all of them.
    """
    app.state.faults = faults
    app.state.on_server_error = on_server_error
    app.state.faults_limit = faults_limit
    app.exception_handler(ProblemError)(_of_problem)
    app.exception_handler(ShopError)(_of_refusal)
    app.exception_handler(RequirementFailed)(_of_requirement)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_http)
    app.exception_handler(TableAbsent)(_of_absent_table)
    app.exception_handler(DatabaseBusy)(_of_busy)
    app.exception_handler(DatabaseError)(_of_database)
    app.exception_handler(apsw.FullError)(_of_full)
    app.exception_handler(Exception)(_of_anything)


async def _of_problem(_: Request, error: ProblemError) -> Response:
    return problem(error.status, error.detail)


async def _of_refusal(_: Request, error: ShopError) -> Response:
    return of_refusal(error)


def of_refusal(error: ShopError) -> Response:
    """The response to an error of the shop's rules."""
    headers = {}
    if isinstance(error, errors.TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(_STATUSES[type(error)], error.detail, headers=headers)


async def _of_requirement(_: Request, error: RequirementFailed) -> Response:
    _log.info("%s", error)
    return problem(
        HTTPStatus.CONFLICT, "The state of things no longer allows this; read it again first."
    )


async def _of_validation(request: Request, error: RequestValidationError) -> Response:
    all_faults = error.errors()
    allowance: FaultAllowance = request.app.state.faults
    allowance.count(request.client.host if request.client else None, len(all_faults))
    most: int = request.app.state.faults_limit
    faults = [
        {
            # Both may hold names that the caller made up, of any length.
            "where": _short("/".join(_short(str(part)) for part in fault["loc"])),
            "detail": _short(str(fault["msg"])),
        }
        for fault in all_faults[:most]
    ]
    more = f" (the first {most} of {len(all_faults)} faults)" if len(all_faults) > most else ""
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"The request cannot be used; mend what `faults` lists{more} and send it again.",
        faults=faults,
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_FAULT else f"{text[: _LONGEST_FAULT - 1]}…"


async def _of_http(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    detail = str(error.detail)
    known = {
        HTTPStatus.NOT_FOUND: "There is nothing under this path; see /docs for the routes.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This path has no such method; see /docs for the routes.",
    }
    if detail == status.phrase:
        detail = known.get(status, detail)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        # The routing knows only the first route of the path.
        headers["Allow"] = _methods_of(request) or headers.get("Allow", "")
    return problem(status, detail, headers=headers)


def _methods_of(request: Request) -> str:
    """The methods of every route under the path of a request."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    matching = (
        methods for path, methods in paths.items() if _form_of(path).match(request.url.path)
    )
    return ", ".join(sorted({method.upper() for methods in matching for method in methods}))


@cache
def _form_of(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]


async def _of_absent_table(_: Request, error: TableAbsent) -> Response:
    return problem(HTTPStatus.NOT_FOUND, str(error))


def _report(request: Request, status: HTTPStatus, error: Exception) -> None:
    on_server_error: OnServerError | None = request.app.state.on_server_error
    if on_server_error is not None:
        on_server_error(request, status, error)


async def _of_busy(request: Request, error: DatabaseBusy) -> Response:
    _report(request, HTTPStatus.SERVICE_UNAVAILABLE, error)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "1"})


async def _of_database(request: Request, error: DatabaseError) -> Response:
    _log.error("the database failed", exc_info=error)
    _report(request, HTTPStatus.SERVICE_UNAVAILABLE, error)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The shop cannot reach its database; try again later.",
        headers={"Retry-After": "10"},
    )


async def _of_full(request: Request, error: apsw.FullError) -> Response:
    _log.error("the disk is full", exc_info=error)
    _report(request, HTTPStatus.INSUFFICIENT_STORAGE, error)
    return problem(
        HTTPStatus.INSUFFICIENT_STORAGE, "The shop has no room to write this down; try again later."
    )


async def _of_anything(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    _report(request, HTTPStatus.INTERNAL_SERVER_ERROR, error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The shop failed to answer; its log tells why.",
    )
