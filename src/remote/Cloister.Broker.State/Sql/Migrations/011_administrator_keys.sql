-- Keys of administrators: until when each counts, as its first certificate said. One that is made later with the same key does not make it longer.
CREATE TABLE AdministratorKeys (
    Pin TEXT PRIMARY KEY,
    FirstSeen BIGINT NOT NULL,
    ExpiresAt BIGINT NOT NULL
);
