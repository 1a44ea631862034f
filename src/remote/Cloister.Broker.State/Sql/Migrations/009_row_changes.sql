-- What every row that decides has to be: one change after the other, each with a MAC over the one before (docs/broker.md, "Authenticated rows").
-- Digest: SHA-256 of the row's content; of no bytes: the row was removed.
CREATE TABLE RowChanges (
    Seq BIGINT PRIMARY KEY,
    KeyVersion BIGINT NOT NULL,
    TableName TEXT NOT NULL,
    RowId TEXT NOT NULL,
    Digest {bytes} NOT NULL,
    Mac {bytes} NOT NULL
);
-- The list's revision is that of its last change now.
DELETE FROM Counters WHERE Name = 'revocations';
