-- Uses since the last renewal, of those that the broker makes itself, and how many there may be. A lease of before has to be renewed first.
ALTER TABLE Leases ADD COLUMN WrapsAllowed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE Leases ADD COLUMN UnwrapsAllowed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE Leases ADD COLUMN WrapsUsed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE Leases ADD COLUMN UnwrapsUsed BIGINT NOT NULL DEFAULT 0;
