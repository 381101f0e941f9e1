"""An HTTP session in which no body is read unless it is asked for."""

import io
from typing import Any

import requests
from requests.adapters import HTTPAdapter

__all__ = ["http_session"]


def http_session() -> requests.Session:
    """Open a session with the proxies and certificates of the environment."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


class _Adapter(HTTPAdapter):
    """Leaves out the body of a redirect, which requests takes into memory as a whole: it may have no end."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        reply = super().build_response(req, resp)
        if reply.is_redirect:
            reply.raw.close()
            reply.raw = io.BytesIO()
        return reply
