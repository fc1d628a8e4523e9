"""`python -m tui` is `labelpilot`."""

from tui.cli import main

main()
