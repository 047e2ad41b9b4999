"""``soc account``: who may sign in to the console, and in which role."""

from __future__ import annotations

from pathlib import Path

import click

from soc.cli.alerts import data_folder, store_option
from soc.cli.command import TranslatedGroup, language_option, translate, verb
from soc.core.errors import SocError
from soc.web.accounts import ACCOUNTS_FILE, ROLES, SHORTEST, Accounts

password_option = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the password in its first line, instead of typing it.",
)


@click.group("account", cls=TranslatedGroup)
@language_option
def command() -> None:
    """The accounts of the console, beside the store. While there are none, a one-time password is printed at its start.

    Roles: analyst and responder act on alerts, manager and auditor only read, admin does all.
    """


@verb("add")
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the account may do.")
@password_option
@store_option
def add(name: str, role: str, password_file: Path | None, path: Path | None) -> None:
    """Add an account. Its password is asked for, or read from a file; never given on the command line."""
    accounts = _accounts(path)
    accounts.add(name, role, _password(password_file))
    click.echo(translate()("{name} is added as {role}", name=name, role=role))


@verb("list")
@store_option
def list_(path: Path | None) -> None:
    """List the accounts: name, role, and whether they can sign in."""
    t = translate()
    accounts = _accounts(path).all()
    for account in accounts:
        click.echo(f"{account.name}\t{account.role}\t{t('enabled') if account.enabled else t('disabled')}")
    if not accounts:
        click.echo(t("no accounts: the console prints a one-time password"), err=True)


@verb("disable")
@click.argument("name")
@store_option
def disable(name: str, path: Path | None) -> None:
    """Let an account sign in no more, and end its sessions at once."""
    _accounts(path).set_enabled(name, False)
    click.echo(translate()("{name} is disabled", name=name))


@verb("enable")
@click.argument("name")
@store_option
def enable(name: str, path: Path | None) -> None:
    """Let a disabled account sign in again."""
    _accounts(path).set_enabled(name, True)
    click.echo(translate()("{name} is enabled", name=name))


@verb("password")
@click.argument("name")
@password_option
@store_option
def password(name: str, password_file: Path | None, path: Path | None) -> None:
    """Give an account another password, and end its sessions."""
    accounts = _accounts(path)
    if accounts.get(name) is None:
        raise SocError(name, "no such account")
    accounts.set_password(name, _password(password_file))
    click.echo(translate()("{name} has another password", name=name))


for _verb in (add, list_, disable, enable, password):
    command.add_command(_verb)


def _accounts(path: Path | None) -> Accounts:
    return Accounts(data_folder(path) / ACCOUNTS_FILE)


def _password(file: Path | None) -> str:
    if file is not None:
        lines = file.read_text("utf-8", "replace").splitlines()
        return lines[0].strip() if lines else ""
    t = translate()
    asked: str = click.prompt(
        t("Password, at least {n} characters", n=SHORTEST), hide_input=True, confirmation_prompt=t("Once more")
    )
    return asked.strip()
