"""Models of addresses and notifications, and of accounts for staff."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from reference_app.accounts.models import ACCOUNT, LINE, Account, Name, RoleName
from reference_app.answers import shown

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
Postcode = Annotated[str, Field(min_length=1, max_length=16, pattern=LINE)]

_HOME = {
    "name": "Aoife Byrne",
    "line1": "1 Main Street",
    "line2": None,
    "city": "Galway",
    "county": "Co. Galway",
    "postcode": "H91 AB12",
    "country": "Ireland",
    "is_default": True,
}
_ADDRESS = {"id": 1, **_HOME, "created_at": "2025-10-05 10:00:00"}
_NOTIFICATION = {
    "id": 7,
    "kind": "offer_sent",
    "title": "We made you an offer",
    "body": "BATCH-20251004-00001: 80.00 for 2 items.",
    "read_at": None,
    "created_at": "2025-10-05 10:00:00",
}


class NewAddress(BaseModel):
    """An address to add."""

    model_config = shown(_HOME)

    name: Name
    line1: Line
    line2: Line | None = None
    city: Name
    county: Name | None = None
    postcode: Postcode
    country: Name
    is_default: Annotated[bool, Field(strict=True)] = False


class AddressChange(BaseModel):
    """What changes; what is not given stays, and a null empties `line2` and `county`.

    To take the default away from an address, make another one the default.
    """

    model_config = shown({"line2": "Apartment 3", "is_default": True})

    name: Name | None = None
    line1: Line | None = None
    line2: Line | None = None
    city: Name | None = None
    county: Name | None = None
    postcode: Postcode | None = None
    country: Name | None = None
    is_default: Literal[True] | None = None


class Address(BaseModel):
    """A shipping address of an account."""

    model_config = shown(_ADDRESS)

    id: int
    name: str
    line1: str
    line2: str | None
    city: str
    county: str | None
    postcode: str
    country: str
    is_default: bool
    created_at: str


class Addresses(BaseModel):
    """All addresses of an account, the default first."""

    model_config = shown({"items": [_ADDRESS]})

    items: list[Address]


class Notification(BaseModel):
    """A notification."""

    model_config = shown(_NOTIFICATION)

    id: int
    kind: str
    title: str
    body: str | None
    read_at: str | None
    created_at: str


class Notifications(BaseModel):
    """A page of notifications, newest first."""

    model_config = shown({"items": [_NOTIFICATION], "next": "Wzdd"})

    items: list[Notification]
    next: str | None


class Users(BaseModel):
    """A page of accounts, newest first."""

    model_config = shown({"items": [ACCOUNT], "next": None})

    items: list[Account]
    next: str | None


class UserDetail(Account):
    """An account, and how much it has."""

    model_config = shown({**ACCOUNT, "open_sessions": 1, "orders": 3, "submissions": 0})

    open_sessions: int
    orders: int
    submissions: int


class RoleChange(BaseModel):
    """The new role of an account."""

    model_config = shown({"role": "admin"})

    role: RoleName
