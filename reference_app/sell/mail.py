"""Texts of the letters to sellers."""

from __future__ import annotations

from reference_app.mail import Letter
from reference_app.port import Row


def offer_sent(submission: Row, now: str) -> Letter:
    """The shop has made an offer."""
    batch_id = submission["batch_id"]
    return _letter(
        submission,
        "offer_sent",
        f"Our offer for {batch_id}",
        f"We offer {euros(submission['offered_price_cents'])} for what you sent us under "
        f"{batch_id}. Answer once, until {submission['offer_expires_at']} (UTC), with "
        f"POST /sell/submissions/{batch_id}/response: accept, refuse, or name your price.",
        now,
    )


def paid(submission: Row, now: str) -> Letter:
    """The shop has paid the seller."""
    batch_id = submission["batch_id"]
    return _letter(
        submission,
        "sell_paid",
        f"We have paid for {batch_id}",
        f"We have paid you {euros(submission['final_price_cents'])} for {batch_id}. "
        "Thank you for selling to us.",
        now,
    )


def euros(cents: int | None) -> str:
    """A price as text."""
    whole, rest = divmod(cents or 0, 100)
    return f"€{whole:,}.{rest:02d}"


def _letter(submission: Row, kind: str, subject: str, text: str, now: str) -> Letter:
    body = f"Dear {submission['contact_name']},\n\n{text}\n"
    return Letter(submission["contact_email"], kind, subject, body, now)
