-- The highest tcbEvaluationDataNumbers that were seen, by root, TEE and FMSPC.
CREATE TABLE TcbFloors (
    Model TEXT PRIMARY KEY,
    TcbInfo BIGINT NOT NULL,
    QeIdentity BIGINT NOT NULL
);
