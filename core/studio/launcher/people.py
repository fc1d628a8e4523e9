"""Who can make an account.

Labels that come back from a former server come with accounts for the people who made them, without
a password. Stock Label Studio refuses a second account with such an address, so its person could
never come back.
"""

from __future__ import annotations

from typing import Any

from .patches import Closed, patch, takes


@patch(
    "people-return",
    "Who labeled on a former Label Studio cannot make an account with the same address again.",
)
def let_people_return() -> None:
    """Let a sign-up take over an account that has no password and was never signed in to.

    Only who has the invitation can sign up, and has every right of such an account anyway.
    """
    from django.conf import settings
    from users.forms import UserSignupForm
    from users.models import User

    clean_email, save = UserSignupForm.clean_email, UserSignupForm.save
    takes(clean_email, "self")
    takes(save, "self")
    if not settings.DISABLE_SIGNUP_WITHOUT_LINK:
        raise Closed("everybody can sign up")

    def waiting(email: str) -> Any:
        """The account that waits for its person, or None."""
        return User.objects.filter(email=email, password="", last_login=None).first()

    def clean_email_of_returning(self: Any) -> str:
        email: str = self.cleaned_data["email"].lower()
        return email if waiting(email) else clean_email(self)

    def save_returning(self: Any) -> Any:
        user = waiting(self.cleaned_data["email"])
        if user is None:
            return save(self)
        user.set_password(self.cleaned_data["password"])
        user.save(update_fields=["password"])
        return user

    UserSignupForm.clean_email = clean_email_of_returning
    UserSignupForm.save = save_returning
