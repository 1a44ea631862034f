-- The highest version of each KEK that writes used: never lower, whatever becomes of the version and of the clock.
ALTER TABLE Keks ADD COLUMN HighestActive BIGINT NOT NULL DEFAULT 0;
