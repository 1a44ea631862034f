-- Which platforms are known: what they need of AMD's service is not what strangers use up.
CREATE INDEX LeasesByPlatform ON Leases (Platform);
