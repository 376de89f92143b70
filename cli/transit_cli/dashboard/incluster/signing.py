"""Signing in by a pasted token, and out again.

Neighbours: `visitors` keeps who has; templates/sign_in.html is the form.
"""

from urllib.parse import parse_qs

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse

from ...exits import CommandFailed
from ..pages import Pages
from ..visitor import Who
from .visitors import COOKIE, SignIn, Visitors

_MOST_BYTES = 64 * 1024


def add_signing(app: FastAPI, pages: Pages, visitors: Visitors) -> None:
    """Add the routes, unless nobody signs in."""
    if visitors.sign_in is SignIn.OFF:
        return

    @app.get("/sign-in", response_class=HTMLResponse)
    async def form(who: Who) -> str:
        return pages.render("sign_in.html", visitor=who, problem="", alone=False)

    @app.post("/sign-in", response_class=HTMLResponse)
    async def enter(who: Who, request: Request) -> HTMLResponse:
        try:
            session = await visitors.enter(await _token(request))
        except CommandFailed as failure:
            raise HTTPException(503, f"the token can't be reviewed now: {failure}") from failure
        if session is None:
            problem = "The API server doesn't take this token: it has expired, or isn't whole."
            html = pages.render("sign_in.html", visitor=who, problem=problem, alone=False)
            return HTMLResponse(html)
        answer = HTMLResponse("", headers={"HX-Refresh": "true"})
        answer.set_cookie(COOKIE, session, secure=True, httponly=True, samesite="strict")
        return answer

    @app.post("/sign-out", response_class=HTMLResponse)
    async def leave(request: Request) -> HTMLResponse:
        visitors.leave(request.headers)
        answer = HTMLResponse("", headers={"HX-Refresh": "true"})
        answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
        return answer


async def _token(request: Request) -> str:
    """Return what was pasted, without the blanks that came along."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "this is no token: it is far too long")
    fields = parse_qs(body.decode("latin-1"))
    return fields.get("token", [""])[0].strip()
