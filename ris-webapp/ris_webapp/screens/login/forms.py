"""Forms of login and preferences."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

THEMES = (("auto", _("Theo máy")), ("light", _("Sáng")), ("dark", _("Tối")))
IMAGES = (("auto", "auto"), ("stored", "stored"), ("small", "small"))
"""How the viewer asks for frames; it has the words itself."""


class LoginForm(forms.Form):
    """User name, with the directory's domain if need be, and password."""

    username = forms.CharField(max_length=128, strip=True)
    password = forms.CharField(max_length=256, strip=False)


class PreferencesForm(forms.Form):
    """What one user sets for themselves; each may come alone."""

    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(choices=THEMES, required=False)
    images = forms.ChoiceField(choices=IMAGES, required=False)
