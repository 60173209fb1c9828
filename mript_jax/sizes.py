"""Image sizes, which a config may give as one number or as (height, width)."""


def height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width), where one number stands for both."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])
