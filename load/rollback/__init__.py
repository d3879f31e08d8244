"""Takes a load back: only what the ledger says was made here, in reverse order, proved by reading back.

`run` is the run and `command` the command; `rules` says how each kind is taken back and what counts as changed by a
person; `owned` and `known` what is ours and what the warehouse knows of it; `former` the values from before the load;
`desk` reads for the rules, `proof` reads everything back; `unfinished` and `endings` deal with calls of killed runs.
"""
