"""Texts of the letters to account holders.

A token is on a line of its own, so that a program can find it.
"""

from __future__ import annotations

from reference_app.mail import Letter


def verification(email: str, token: str, now: str) -> Letter:
    """Confirms the address of a registration."""
    return _letter(
        email,
        "verification",
        "Confirm your e-mail address",
        f"Somebody registered with this address at {now} (UTC). If that was you, send this token "
        "to POST /auth/verify-email within 48 hours. The account then has the password that was "
        "chosen at that time:",
        token,
        "If that was not you, do nothing. If you have several of these letters, use the one of "
        "the time at which you registered.",
        now=now,
    )


def account_exists(email: str, now: str) -> Letter:
    """For a registration with the address of an account."""
    return _letter(
        email,
        "account_exists",
        "You already have an account",
        "Somebody registered with this address, which already has an account: log in, or ask for "
        "a new password with POST /auth/password-reset.",
        "If that was not you, do nothing.",
        now=now,
    )


def reset(email: str, token: str, now: str) -> Letter:
    """Sends the token of a password reset."""
    return _letter(
        email,
        "password_reset",
        "Choose a new password",
        "Send this token and a new password to POST /auth/password-reset/confirm within one hour:",
        token,
        "If you did not ask for this, do nothing: your password stays as it is.",
        now=now,
    )


def no_account(email: str, now: str) -> Letter:
    """For a password reset of an address without account."""
    return _letter(
        email,
        "no_account",
        "There is no account with this address",
        "Somebody asked for a new password for this address, which has no account at the resale "
        "shop. If that was you, try your other addresses, or register.",
        now=now,
    )


def password_changed(email: str, now: str) -> Letter:
    """For a changed password."""
    return _letter(
        email,
        "password_changed",
        "Your password was changed",
        "The password of your account was changed. If that was not you, ask for a new one with "
        "POST /auth/password-reset.",
        now=now,
    )


def _letter(email: str, kind: str, subject: str, *lines: str, now: str) -> Letter:
    return Letter(email, kind, subject, "\n\n".join(lines), now)
