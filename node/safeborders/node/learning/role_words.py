"""What the inputs of role hypotheses are called towards people: words for when something is there and when it is not.

Every sentence tells what is on record about the case; none names a person, and none says what somebody is.
"""

from safeborders.models.domain.entities import Stage
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES

_SCENES = {
    Stage.RECRUITMENT: "recruitment",
    Stage.TRANSPORT: "transport",
    Stage.TRANSIT: "transit",
    Stage.HARBOURING: "harbouring",
    Stage.EXPLOITATION: "exploitation",
    Stage.CONTROL: "control",
    Stage.EXIT: "exit",
}

_NAMES = {role: role.replace("_", " ") for role in OFFENDING_ROLES}

WORDS: dict[str, tuple[str, str]] = {
    **{
        f"scene_{stage.value}": (
            f"on record in a scene of {name} of this case",
            f"not on record in any scene of {name} of this case",
        )
        for stage, name in _SCENES.items()
    },
    "scenes": ("on record in scenes of this case", "on record in no scene of this case"),
    "phones": ("phones are on record for this person", "no phone is on record for this person"),
    "online_account": ("an online account is on record", "no online account is on record"),
    "financial_account": ("a financial account is on record", "no financial account is on record"),
    "identity_document": ("an identity document is on record", "no identity document is on record"),
    "drives": ("recorded as driver of a vehicle", "not recorded as driver of a vehicle"),
    "owns_vehicle": ("recorded as owner of a vehicle", "not recorded as owner of a vehicle"),
    "places": ("stays at places are on record", "no stay at a place is on record"),
    "employee": ("recorded as employed by an organisation", "not recorded as employed by an organisation"),
    "director": ("recorded as director of an organisation", "not recorded as director of an organisation"),
    **{
        f"others_scene_{stage.value}": (
            f"the case has a scene of {name} without this person",
            f"the case has no scene of {name} without this person",
        )
        for stage, name in _SCENES.items()
    },
    **{
        f"other_{role}": (
            f"somebody else of the case is recorded as {name}",
            f"nobody else of the case is recorded as {name}",
        )
        for role, name in _NAMES.items()
    },
    **{
        f"near_{role}": (
            f"linked with somebody of the case who is recorded as {name}",
            f"linked with nobody of the case who is recorded as {name}",
        )
        for role, name in _NAMES.items()
    },
    **{
        f"type_{case_type}": (f"the case may be of type {case_type}", f"the case is hardly of type {case_type}")
        for case_type in CASE_TYPES
    },
    "linked_people": ("linked with people of the case", "linked with nobody of the case"),
    "linked_victim": ("linked with a victim of the case", "linked with no victim of the case"),
    "between_people": (
        "stands between people of the case who are not linked themselves",
        "stands between no people of the case",
    ),
    "called_people": ("called people of the case", "no call with people of the case"),
    "called_victim": ("called a victim of the case", "no call with a victim of the case"),
    "paid_people": ("a payment with somebody of the case is on record", "no payment with people of the case"),
    "early_scenes": ("on record early in the order of the case's scenes", "not on record early in the case's scenes"),
    "suspects": ("the case has several suspects", "the case has few suspects"),
}
"""By input: what it means when it is there, and when it is not."""

OWN = (
    "the country's own records alone point to this part",
    "the country's own records alone point to another part",
)
FREQUENCY = (
    "this part is stated often in the country's cases",
    "this part is stated rarely in the country's cases",
)
