"""Where things stand on the page. A list may be drawn again while a test looks, so each question waits."""

from __future__ import annotations

LOOKS = 100
PAUSE = 50  # ms between two looks: five seconds in all, as long as `expect` waits
ROUNDED = 0.5  # px by which a browser rounds boxes


def box_of(place):
    """The box of a thing, as soon as it has one."""
    for _ in range(LOOKS):
        if box := place.bounding_box():
            return box
        place.page.wait_for_timeout(PAUSE)
    raise AssertionError(f"{place} is not drawn")


def is_within(box, room):
    return (
        box["width"] > 0
        and box["height"] > 0
        and box["x"] >= room["x"] - ROUNDED
        and box["y"] >= room["y"] - ROUNDED
        and box["x"] + box["width"] <= room["x"] + room["width"] + ROUNDED
        and box["y"] + box["height"] <= room["y"] + room["height"] + ROUNDED
    )


def expect_inside(outer, *places):
    """All of the places are wholly in sight in this one."""
    for place in places:
        for _ in range(LOOKS):
            box, room = box_of(place), box_of(outer)
            if is_within(box, room):
                break
            place.page.wait_for_timeout(PAUSE)
        else:
            raise AssertionError(f"{place} takes {box}, which is not within {room}")
