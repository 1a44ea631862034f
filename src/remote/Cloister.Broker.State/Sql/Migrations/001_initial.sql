-- Times are milliseconds since 1970. {bytes} is the database's type for octets.
CREATE TABLE Settings (
    Name TEXT PRIMARY KEY,
    Value {bytes} NOT NULL
);

CREATE TABLE Keks (
    Name TEXT PRIMARY KEY,
    Cluster TEXT NOT NULL,
    Store TEXT NOT NULL,
    Policy TEXT NOT NULL,
    Releasable BIGINT NOT NULL,
    CreatedAt BIGINT NOT NULL,
    NextVersion BIGINT NOT NULL,
    Revision BIGINT NOT NULL
);

CREATE TABLE KekVersions (
    Name TEXT NOT NULL REFERENCES Keks (Name),
    Version BIGINT NOT NULL,
    Generation TEXT NOT NULL UNIQUE,
    State TEXT NOT NULL CHECK (State IN ('enabled', 'disabled', 'destroy-scheduled', 'destroyed')),
    CreatedAt BIGINT NOT NULL,
    ActiveAt BIGINT NOT NULL,
    DestroyAt BIGINT,
    PRIMARY KEY (Name, Version)
);

CREATE TABLE Policies (
    Name TEXT NOT NULL,
    Version BIGINT NOT NULL,
    Yaml TEXT NOT NULL,
    Digest TEXT NOT NULL,
    UpdatedAt BIGINT NOT NULL,
    UpdatedBy TEXT NOT NULL,
    PRIMARY KEY (Name, Version)
);

-- IdDigest: SHA-256 of the session id, which is a credential.
CREATE TABLE Sessions (
    IdDigest {bytes} PRIMARY KEY,
    ExpiresAt BIGINT NOT NULL,
    Token TEXT,
    TokenExpiresAt BIGINT
);
CREATE INDEX SessionsByExpiry ON Sessions (ExpiresAt);

CREATE TABLE Leases (
    Id TEXT PRIMARY KEY,
    Instance TEXT NOT NULL,
    Cluster TEXT NOT NULL,
    Provider TEXT NOT NULL,
    Kek TEXT NOT NULL,
    Tee TEXT NOT NULL,
    Measurement TEXT NOT NULL,
    Platform TEXT NOT NULL,
    ConfigDigest TEXT NOT NULL,
    Policy TEXT NOT NULL,
    FirstAt BIGINT NOT NULL,
    RenewedAt BIGINT NOT NULL,
    ExpiresAt BIGINT NOT NULL,
    Renewals BIGINT NOT NULL,
    Wraps BIGINT NOT NULL,
    Unwraps BIGINT NOT NULL
);
CREATE INDEX LeasesByCluster ON Leases (Cluster, RenewedAt);
CREATE INDEX LeasesByExpiry ON Leases (ExpiresAt);

CREATE TABLE Revocations (
    Kind TEXT NOT NULL,
    Value TEXT NOT NULL,
    Reason TEXT NOT NULL,
    RevokedAt BIGINT NOT NULL,
    RevokedBy TEXT NOT NULL,
    PRIMARY KEY (Kind, Value)
);

CREATE TABLE Counters (
    Name TEXT PRIMARY KEY,
    Value BIGINT NOT NULL
);
INSERT INTO Counters (Name, Value) VALUES ('revocations', 0);

CREATE TABLE AuditEntries (
    Seq BIGINT PRIMARY KEY,
    LoggedAt BIGINT NOT NULL,
    Kind TEXT NOT NULL,
    Details TEXT NOT NULL,
    Previous {bytes} NOT NULL,
    Hash {bytes} NOT NULL
);

CREATE TABLE AuditCheckpoints (
    Seq BIGINT PRIMARY KEY REFERENCES AuditEntries (Seq),
    Hash {bytes} NOT NULL,
    SignedAt BIGINT NOT NULL,
    Signature {bytes} NOT NULL
);
