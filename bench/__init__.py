"""The board: the same programs differentiated by this project and by its peers, checked, timed and shown side
by side.

Read in this order: `workload` (what is computed), `peer` (who computes it), `check` (that all agree),
`measure` (how it is timed), `report` (table, JSON, picture, README). A workload is one file in `workloads/`,
a peer one file in `peers/`.
"""
