"""Routes that read their own request, for what is asked a thousand times a second.

FastAPI solves the parameters of a route one by one, and for a page that SQLite finds in 30 µs
this takes longer than everything else. Such a route takes the request alone, reads its parameters
in one step of pydantic, and documents them all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.routing import request_response

T = TypeVar("T")


class DirectRoute(APIRoute):
    """A route whose endpoint is `async (request) -> Response` and depends on nothing else.

    It is documented as any route of FastAPI, and answers as one of Starlette does.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


class RequestParameters(Generic[T]):
    """The parameters of a route, as a dataclass whose fields say what may be asked."""

    def __init__(self, kind: type[T], place: Literal["query", "path"] = "query") -> None:
        self._adapter = TypeAdapter(kind)
        self._place = place

    def of(self, request: Request) -> T:
        """What a request asks for.

        Raises:
            RequestValidationError: a parameter cannot be used; it says which and why.
        """
        given: Mapping[str, Any] = {}
        if self._place == "path":
            given = request.path_params
        elif request.scope["query_string"]:
            given = dict(request.query_params)
        try:
            return self._adapter.validate_python(given)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise RequestValidationError(
                [{**fault, "loc": (self._place, *fault["loc"])} for fault in faults]
            ) from error

    def documented(self) -> dict[str, Any]:
        """The parameters as the OpenAPI document tells them: a route's `openapi_extra`."""
        schema = self._adapter.json_schema()
        needed = schema.get("required", ())
        return {
            "parameters": [
                {
                    "name": name,
                    "in": self._place,
                    "required": name in needed,
                    "schema": {key: value for key, value in field.items() if key != "examples"},
                    **({"description": field["description"]} if "description" in field else {}),
                    **({"example": field["examples"][0]} if "examples" in field else {}),
                }
                for name, field in schema["properties"].items()
            ]
        }
