-- Acts that wait for a second administrator.
CREATE TABLE PendingActs (
    Id TEXT PRIMARY KEY,
    Act TEXT NOT NULL,
    Parameters TEXT NOT NULL,
    RequestedBy TEXT NOT NULL,
    RequestedAt BIGINT NOT NULL,
    ExpiresAt BIGINT NOT NULL
);
