"""Zachary's karate club: friendships of 34 members, and communities found in them.

Source: W. W. Zachary, "An information flow model for conflict and fission in small groups", Journal
of Anthropological Research 33 (1977); four communities of modularity clustering, as they are common
in work on graph networks.

>>> len(EDGES), [len(nodes) for nodes in CLASSES]
(78, [5, 10, 7, 12])
"""

_FRIENDS = {
    0: (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31),
    1: (2, 3, 7, 13, 17, 19, 21, 30),
    2: (3, 7, 8, 9, 13, 27, 28, 32),
    3: (7, 12, 13),
    4: (6, 10),
    5: (6, 10, 16),
    6: (16,),
    8: (30, 32, 33),
    9: (33,),
    13: (33,),
    14: (32, 33),
    15: (32, 33),
    18: (32, 33),
    19: (33,),
    20: (32, 33),
    22: (32, 33),
    23: (25, 27, 29, 32, 33),
    24: (25, 27, 31),
    25: (31,),
    26: (29, 33),
    27: (33,),
    28: (31, 33),
    29: (32, 33),
    30: (32, 33),
    31: (32, 33),
    32: (33,),
}

EDGES: tuple[tuple[int, int], ...] = tuple((v, u) for v, us in _FRIENDS.items() for u in us)
"""Every friendship once."""

CLASSES: tuple[tuple[int, ...], ...] = (
    (4, 5, 6, 10, 16),
    (0, 1, 3, 7, 11, 12, 13, 17, 19, 21),
    (2, 9, 24, 25, 27, 28, 31),
    (8, 14, 15, 18, 20, 22, 23, 26, 29, 30, 32, 33),
)
"""Nodes of each community."""
