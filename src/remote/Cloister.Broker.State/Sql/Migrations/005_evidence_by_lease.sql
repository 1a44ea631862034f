-- With the lease alone, SQLite took the primary key for the better way in, and read everything that was accepted to find one lease's.
DROP INDEX EvidenceByLease;
CREATE INDEX EvidenceByLease ON Evidence (Lease, Accepted);
