"""Addresses of shares: of those who share, and of those who receive."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.sharing import making, managing, passing_on, receiving

app_name = "sharing"
urlpatterns = [
    path("shares/", managing.shares, name="shares"),
    path("shares/new/", making.create, name="create"),
    path("shares/<int:share_id>/", managing.share, name="share"),
    path("shares/<int:share_id>/extend/", managing.extend, name="extend"),
    path("shares/<int:share_id>/limit/", managing.limit, name="limit"),
    path("shares/<int:share_id>/link/", managing.link, name="link"),
    path("shares/<int:share_id>/exams/<int:exam_id>/let-go/", managing.let_exam_go, name="let_go"),
    path("shares/<int:share_id>/letters/<int:letter_id>/again/", managing.send_again, name="send_again"),
    path("shares/<int:share_id>/copies/<int:image_id>.jpg", managing.copied_picture, name="copied_picture"),
    path("shares/<int:share_id>/revoke/", managing.revoke, name="revoke"),
    path("share/", receiving.door, name="door"),
    path("share/open", receiving.open_link, name="open"),
    path("share/<slug:handle>/", receiving.shown, name="shown"),
    path("share/<slug:handle>/pass-on", passing_on.further, name="pass_on"),
    path("share/<slug:handle>/images/<int:number>", receiving.images, name="images"),
    path("share/<slug:handle>/report/<int:number>", receiving.report, name="report"),
    path("share/<slug:handle>/report/<int:number>/read", receiving.report_page, name="report_page"),
    path("share/<slug:handle>/files/<int:number>", receiving.files, name="files"),
]
