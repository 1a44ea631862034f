-- Roots besides the vendors' that a lease may rest on; empty: none.
ALTER TABLE Leases ADD COLUMN OtherRoots TEXT NOT NULL DEFAULT '';
-- What a version's key is known by without being known (docs/recovery-shares.md, "Restore"); empty: not known.
ALTER TABLE KekVersions ADD COLUMN Commitment TEXT NOT NULL DEFAULT '';
