"""What the columns of the link scorers are called towards people: factors, in words for both directions."""

WORDS: dict[str, tuple[str, str]] = {
    "shared_phone": ("both used the same phone", "no phone in common"),
    "shared_account": ("both used the same online account", "no online account in common"),
    "shared_financial": ("both used the same financial account", "no financial account in common"),
    "shared_vehicle": ("both used the same vehicle", "no vehicle in common"),
    "shared_document": ("both bore the same identity document", "no identity document in common"),
    "shared_place": ("both stayed at the same place", "no place in common"),
    "shared_organisation": ("both worked for the same organisation", "no organisation in common"),
    "called": ("their phones called each other", "no call between their phones"),
    "contacted": ("their online accounts were in contact", "no contact between their online accounts"),
    "paid": ("money went between their accounts", "no payment between their accounts"),
    "shared_case": ("both are parties to the same case", "no case in common"),
    "shared_episode": ("both were involved in the same episode", "no episode in common"),
    "same_side": ("they stand on the same side of a case", "they never stood on the same side of a case"),
    "offender_and_victim": (
        "one is a victim in a case in which the other is not",
        "no case with one as victim and the other as offender",
    ),
    "common_associate": ("both are linked with the same person", "no known person is linked with both"),
    "common_contact": ("both were in contact with the same person", "nobody was in contact with both"),
    "time_overlap": ("they were active at the same time", "they were active at different times"),
}
"""What each input about shared things means when it is there and when it is not."""

HOME_WORDS: dict[str, tuple[str, str]] = {
    "rare_bridge": ("what they have in common few others have", "what they have in common many others have"),
    "mixed_path": (
        "an associate of one shares something with the other",
        "no associate of one has to do with the other",
    ),
    "well_linked": ("both have many links, compared with other pairs", "one of them has few links"),
    "few_steps": ("few steps lie between them in the network", "many steps lie between them in the network"),
    "same_circle": ("they are linked into the same circles", "they are linked into different circles"),
    "close_circle": ("their own associates know each other", "their own associates hardly know each other"),
    "same_years": ("their links are from the same time", "their links are from different times"),
}
"""Factors that are a matter of more or less, in words of their own."""

FACTORS: tuple[str, ...] = (*WORDS, *HOME_WORDS)

_COLUMNS: dict[str, tuple[str, ...]] = {
    "common_associate": (
        *("common_neighbours", "jaccard", "rare_around", "allocation_around", "two_steps", "met"),
        *("adamic_adar", "resource_allocation", "strong_rare", "layer_rare"),
    ),
    "well_linked": (
        *("degree_product", "degree_sum", "smaller_degree", "cores"),
        *("strong_sum", "strong_smaller", "layer_sum", "layer_smaller"),
    ),
    "few_steps": ("paths_of_three", "meeting", "katz", "page_rank", "distance", "apart"),
    "rare_bridge": ("adamic_adar_bridges",),
    "shared_case": ("adamic_adar_cases",),
    "common_contact": ("adamic_adar_contacts",),
    "mixed_path": ("mixed_paths",),
    "close_circle": ("clustering",),
    "same_circle": ("low_rank", "community_density"),
    "same_years": ("time_gap",),
}
"""Columns that speak of a factor other than their own name's."""

_FACTOR_OF = {column: factor for factor, columns in _COLUMNS.items() for column in columns}


def factor_of(column: str) -> str:
    """Return the factor that a column of either scorer speaks of."""
    return _FACTOR_OF.get(column, column)
