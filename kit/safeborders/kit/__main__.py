"""``python -m safeborders.kit``: the same as the command ``safeborders``, for parents that know only their Python."""

from safeborders.kit.cli import main

if __name__ == "__main__":
    main()
