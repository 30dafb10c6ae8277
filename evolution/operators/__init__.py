"""Operators that make offspring: whole populations in, whole populations out.

Every operator is a pure function of genomes (component-first, see `hierarchy`), of its `Draws` and
of its settings; the genomes that come in are left as they were, and at a rate of zero the same
numbers come out. Chance is masked in rather than branched on, so that one code serves CPU and GPU:
a rotation whose angle is zero changes no bit.

One file holds one idea: settings, functions, and an entry of the list in `catalogue`. To add a
mutation: write such a file with a `Mutation` whose bit is free (see `codes`), name it in
`catalogue` (the list, and its settings), and let its tests inherit the contract of operators.
"""
