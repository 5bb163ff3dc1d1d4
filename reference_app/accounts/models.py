"""Models of accounts, login and passwords."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from reference_app.accounts.rules import LONGEST_PASSWORD, SHORTEST_PASSWORD
from reference_app.answers import shown

# One line that is not blank: no control characters, no space at its beginning. Without \s, which
# differs between dialects of patterns.
LINE = r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
EMAIL = r"^[^@\x00-\x20\x7f,;<>]+@[^@\x00-\x20\x7f,;<>]+$"

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=EMAIL)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE)]
Phone = Annotated[str, Field(min_length=3, max_length=32, pattern=LINE)]
NewPassword = Annotated[str, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
# A password that is only compared: the rules may have changed since it was chosen.
Password = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD)]
Token = Annotated[str, Field(min_length=1, max_length=128)]
RoleName = Literal["customer", "admin"]

_TOKEN = "q3Zr0c0mVb1uKx8yT5nLwA2eHs7dPf4gJi6oQtRzXyE"
_ANN = {
    "id": 1,
    "email": "aoife@example.ie",
    "first_name": "Aoife",
    "last_name": "Byrne",
    "role": "customer",
}
ACCOUNT = {
    **_ANN,
    "phone": "+353 85 012 3456",
    "email_verified": True,
    "created_at": "2025-03-01 09:12:44",
    "last_login_at": "2025-10-05 10:00:00",
}


class Registration(BaseModel):
    """A registration."""

    model_config = shown(
        {
            "email": "aoife@example.ie",
            "password": "a long sentence is best",
            "first_name": "Aoife",
            "last_name": "Byrne",
            "phone": "+353 85 012 3456",
        }
    )

    email: Email
    password: NewPassword
    first_name: Name
    last_name: Name
    phone: Phone | None = None


class LetterSent(BaseModel):
    """The same for every address, whether or not it has an account."""

    model_config = shown({"detail": "A letter to this address is on its way."})

    detail: str


class Verification(BaseModel):
    """The token of a letter that confirms an address."""

    model_config = shown({"token": _TOKEN})

    token: Token


class Login(BaseModel):
    """A login."""

    model_config = shown({"email": "aoife@example.ie", "password": "a long sentence is best"})

    email: Email
    password: Password


class Member(BaseModel):
    """The account that is logged in."""

    model_config = shown(_ANN)

    id: int
    email: str
    first_name: str
    last_name: str
    role: RoleName


class Session(BaseModel):
    """An open session; its token is shown only once."""

    model_config = shown({"token": _TOKEN, "expires_at": "2025-11-04 10:00:00", "user": _ANN})

    token: str
    expires_at: str
    user: Member


class Account(BaseModel):
    """An account, as its holder sees it."""

    model_config = shown(ACCOUNT)

    id: int
    email: str
    first_name: str
    last_name: str
    phone: str | None
    role: RoleName
    email_verified: bool
    created_at: str
    last_login_at: str | None


class ProfileChange(BaseModel):
    """What changes; what is not given stays, and a null removes the telephone number."""

    model_config = shown({"first_name": "Aoife", "phone": None})

    first_name: Name | None = None
    last_name: Name | None = None
    phone: Phone | None = None


class PasswordChange(BaseModel):
    """The current password and a new one."""

    model_config = shown(
        {"current_password": "a long sentence is best", "new_password": "a longer one is better"}
    )

    current_password: Password
    new_password: NewPassword


class AccountDeletion(BaseModel):
    """The password, to confirm that the account is to be deleted."""

    model_config = shown({"password": "a long sentence is best"})

    password: Password


class ResetRequest(BaseModel):
    """The address of an account whose password was forgotten."""

    model_config = shown({"email": "aoife@example.ie"})

    email: Email


class ResetConfirmation(BaseModel):
    """The token of a letter, and a new password."""

    model_config = shown({"token": _TOKEN, "new_password": "a longer one is better"})

    token: Token
    new_password: NewPassword
