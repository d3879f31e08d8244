"""Moves an OTRS, Znuny or OTOBO helpdesk to Intercom: the command line and what it needs."""
