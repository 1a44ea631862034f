-- Exports and drills are few among millions of entries, and people ask for the last ones.
CREATE INDEX AuditRecoveryActs ON AuditEntries (Seq) WHERE Kind IN ('authority.drill', 'authority.export', 'kek.drill', 'kek.export');
