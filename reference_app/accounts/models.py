"""The JSON of accounts. Values only."""

from __future__ import annotations

from pydantic import BaseModel, Field

from reference_app.answers import shown


class ResetRequest(BaseModel):
    """Somebody forgot a password."""

    model_config = shown({"email": "aoife@example.ie"})

    email: str = Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")


class ResetAnswer(BaseModel):
    """The same for every address."""

    model_config = shown({"detail": "If an account has this address, a letter is on its way."})

    detail: str
