"""Mail as packages hand it to a service of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def get_email_address_list(addresses: str | Iterable[str]) -> list[str]:
    """Addresses as a list; a text may hold several, parted by commas or semicolons."""
    if isinstance(addresses, str):
        return [each.strip() for each in addresses.replace(";", ",").split(",") if each.strip()]
    return list(addresses)


def build_mime_message(
    mail_from: str | None,
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: list[str] | None = None,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    custom_headers: dict[str, Any] | None = None,
) -> tuple[Any, list[str]]:
    """Return the message and everybody who gets it."""
    import os
    from email.mime.application import MIMEApplication
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText
    from email.utils import formatdate

    message = MIMEMultipart(mime_subtype)
    people = [get_email_address_list(each or ()) for each in (to, cc, bcc)]
    message["Subject"], message["From"], message["To"] = subject, mail_from or "", ", ".join(people[0])
    if people[1]:
        message["CC"] = ", ".join(people[1])
    message["Date"] = formatdate(localtime=True)
    message.attach(MIMEText(html_content, "html", mime_charset))
    for path in files or ():
        name = os.path.basename(path)
        with open(path, "rb") as file:
            part = MIMEApplication(file.read(), Name=name)
        part["Content-Disposition"] = f'attachment; filename="{name}"'
        message.attach(part)
    for name, value in (custom_headers or {}).items():
        message[name] = value
    return message, [each for kind in people for each in kind]
