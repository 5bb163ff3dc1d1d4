"""Delete an account and its personal data, while orders stay.

A function on an open transaction, for the server and for commands that run without it.
"""

from __future__ import annotations

from reference_app.accounts.rules import check_deletable
from reference_app.errors import Conflict, Unauthenticated
from reference_app.mail import Erasure
from reference_app.port import Transaction
from reference_app.trade.offers import withdraw_all
from reference_app.trade.reservations import release_all


def delete_account(tx: Transaction, user_id: int, password_hash: str, now: str) -> None:
    """Delete an account whose password was checked against this hash.

    Raises:
        Unauthenticated: it is deleted already.
        Conflict: it is an account of staff that has to stay, or its password changed meanwhile.
    """
    rows = tx.read("traces_of_user", {"user_id": user_id})
    if not rows:
        raise Unauthenticated("This account is gone already; there is nothing left to do.")
    [account] = rows
    check_deletable(account["role"], account["admins"], has_acted=bool(account["has_acted"]))
    release_all(tx, user_id, now)
    withdraw_all(tx, user_id, now)
    contacts = tx.read("contacts_of_user", {"user_id": user_id})
    submissions = tuple((row["contact_email"], row["batch_id"]) for row in contacts)
    tx.enqueue(Erasure(account["email"], submissions, now))
    for name in (
        "forget_customer_of_orders",
        "forget_contact_of_submissions",
        "drop_images_of_user",
    ):
        tx.write(name, {"user_id": user_id, "now": now})
    if not tx.write("delete_account", {"user_id": user_id, "password_hash": password_hash}):
        raise Conflict("The password was changed at the same time; log in again first.")
