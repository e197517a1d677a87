"""The words of the trade as types: countries, entities, relations, roles, typologies. No I/O."""
