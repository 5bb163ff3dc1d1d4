"""Query parameters read in one step. No SQL and no rule of the shop may enter.

FastAPI reads the parameters of a function one by one, and for a list with ten filters
that takes longer than the list itself: 60 µs of 190. A route that is asked a thousand
times a second reads them through this instead, and documents them all the same.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


class Asking(Generic[T]):
    """The query parameters of a route: the fields of a dataclass, every one with a default."""

    def __init__(self, kind: type[T]) -> None:
        self._adapter = TypeAdapter(kind)
        self._nothing = kind()

    def of(self, request: Request) -> T:
        """What a request asks for.

        Raises:
            RequestValidationError: a parameter cannot be used; it says which and why.
        """
        if not request.scope["query_string"]:
            return self._nothing
        given = dict(request.query_params)
        try:
            return self._adapter.validate_python(given)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise RequestValidationError(
                [{**fault, "loc": ("query", *fault["loc"])} for fault in faults], body=given
            ) from error

    def documented(self) -> dict[str, Any]:
        """The parameters as the OpenAPI document tells them: a route's `openapi_extra`."""
        fields = self._adapter.json_schema()["properties"]
        return {
            "parameters": [
                {
                    "name": name,
                    "in": "query",
                    "required": False,
                    "schema": {key: value for key, value in field.items() if key != "examples"},
                    **({"description": field["description"]} if "description" in field else {}),
                    **({"example": field["examples"][0]} if "examples" in field else {}),
                }
                for name, field in fields.items()
            ]
        }
