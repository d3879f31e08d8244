"""`python -m otrs2intercom`, the same as the console script."""

from otrs2intercom.cli import main

main()
