-- Time that brokers saw pass, in milliseconds, and what the clock of the last one said: a clock that is wrong brings no destruction forward.
INSERT INTO Counters (Name, Value) VALUES ('observed', 0);
INSERT INTO Counters (Name, Value) VALUES ('observed-at', 0);

-- Orders to destroy a KEK version. After: how much of the observed time has to have passed, too. Begun: its key is being destroyed, nobody takes that back.
CREATE TABLE Destructions (
    Name TEXT NOT NULL,
    Version BIGINT NOT NULL,
    After BIGINT NOT NULL,
    Begun BIGINT NOT NULL,
    PRIMARY KEY (Name, Version)
);

-- Orders from before wait a day at least.
INSERT INTO Destructions (Name, Version, After, Begun) SELECT Name, Version, 86400000, 0 FROM KekVersions WHERE State = 'destroy-scheduled';
