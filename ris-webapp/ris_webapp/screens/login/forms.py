"""Forms of login and preferences."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

THEMES = (("auto", _("Theo máy")), ("light", _("Sáng")), ("dark", _("Tối")))


class LoginForm(forms.Form):
    """User name and password."""

    username = forms.CharField(max_length=64, strip=True)
    password = forms.CharField(max_length=256, strip=False)


class PreferencesForm(forms.Form):
    """Language and theme of one user; each may come alone."""

    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(choices=THEMES, required=False)
