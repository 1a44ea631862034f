-- Number orders the evidence of each outcome; what is far behind the newest is deleted.
CREATE TABLE Evidence (
    Accepted BIGINT NOT NULL,
    Number BIGINT NOT NULL,
    Lease TEXT NOT NULL,
    Instance TEXT NOT NULL,
    Tee TEXT NOT NULL,
    Reason TEXT NOT NULL,
    KeptAt BIGINT NOT NULL,
    Body {bytes} NOT NULL,
    PRIMARY KEY (Accepted, Number)
);
CREATE INDEX EvidenceByLease ON Evidence (Lease);
CREATE INDEX EvidenceByTime ON Evidence (KeptAt);
