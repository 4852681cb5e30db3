"""`python -m smart_leverage` is the command `smart-leverage`."""

from smart_leverage.cli import main

if __name__ == "__main__":
    main()
