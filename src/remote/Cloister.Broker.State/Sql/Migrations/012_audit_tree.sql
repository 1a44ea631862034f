-- Checkpoints are of a Merkle tree over the entries' hashes (docs/audit-log.md). Those of before are of another form; the entries stay, and are in the tree.
DROP TABLE AuditCheckpoints;
-- Edge: the tree's right edge, hashes one after the other. Last: the hash of the last entry that is covered.
CREATE TABLE AuditCheckpoints (
    Size BIGINT PRIMARY KEY,
    SignedAt BIGINT NOT NULL,
    Edge {bytes} NOT NULL,
    Last {bytes} NOT NULL,
    Note TEXT NOT NULL
);
-- Hashes of entries whose contents were deleted, 256 a row.
CREATE TABLE AuditPruned (
    First BIGINT PRIMARY KEY,
    Hashes {bytes} NOT NULL
);
