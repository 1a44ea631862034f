-- What a broker of schema 007 left: two versions of a policy, a KEK with two versions, a revocation, a request. Authority: pin below; root key: EarlierDatabaseTests.
BEGIN TRANSACTION;
CREATE TABLE AuditCheckpoints (
    Seq BIGINT PRIMARY KEY REFERENCES AuditEntries (Seq),
    Hash BLOB NOT NULL,
    SignedAt BIGINT NOT NULL,
    Signature BLOB NOT NULL
);
INSERT INTO "AuditCheckpoints" VALUES(5,X'B45570333097EAAD6DE568F5AFE8BF27A60AB0B637E93BBEA6A71E8B6BD316AD',1795985742406,X'CF7754BFC340672ADFE433CB33886E6D117D86CB1145EFBC3C92552DDD4FBC5952AFEF3284E43A97CC7F90C35A169AAAADD2DDD3BA46C2B466E40EBC35C0CEFE');
CREATE TABLE AuditEntries (
    Seq BIGINT PRIMARY KEY,
    LoggedAt BIGINT NOT NULL,
    Kind TEXT NOT NULL,
    Details TEXT NOT NULL,
    Previous BLOB NOT NULL,
    Hash BLOB NOT NULL
);
INSERT INTO "AuditEntries" VALUES(1,1795985739421,'policy.set','{"policy":"production","by":"alice","oldDigest":"","newDigest":"17fedfb2c7e44ace43d458d5ec4c4846adbe53f11b8586ac6b1f0dafe1a9b9c8","oldVersion":0,"newVersion":1,"result":"done"}',X'0000000000000000000000000000000000000000000000000000000000000000',X'6F7DC7DEDE3407324F3577EC21DF778D9D3E70185B75B0BBDA19957A1ED14238');
INSERT INTO "AuditEntries" VALUES(2,1795985739553,'policy.set','{"policy":"production","by":"alice","oldDigest":"17fedfb2c7e44ace43d458d5ec4c4846adbe53f11b8586ac6b1f0dafe1a9b9c8","newDigest":"c65788050a1aadff2950039b486640dc9573d65a59b91659dc98710c52b5183e","oldVersion":1,"newVersion":2,"result":"done"}',X'6F7DC7DEDE3407324F3577EC21DF778D9D3E70185B75B0BBDA19957A1ED14238',X'614621D2F77BBC2708376874541B637524923D341A1984C8736E4E2B36B02F7D');
INSERT INTO "AuditEntries" VALUES(3,1795985740128,'kek.create','{"kek":"main","cluster":"c1","store":"database","policy":"production","release":true,"by":"alice","generation":"f88e110c2678d990f6673bce8dc138b9","result":"done"}',X'614621D2F77BBC2708376874541B637524923D341A1984C8736E4E2B36B02F7D',X'3908DAE4C1B120DFE0FCB61988E234CAA727E9D983458A81D90B8FDB8AD74946');
INSERT INTO "AuditEntries" VALUES(4,1795985740502,'kek.rotate','{"kek":"main","activeAt":1795985740260,"by":"alice","version":2,"generation":"f691a5f88ab78633a3d163502da31671","result":"done"}',X'3908DAE4C1B120DFE0FCB61988E234CAA727E9D983458A81D90B8FDB8AD74946',X'8CA6BD62C38E1CD7CED8624D050D175060A65C359FF81BB1B2041C8C80D7AFFE');
INSERT INTO "AuditEntries" VALUES(5,1795985740758,'revoke','{"kind":"platform","value":"00ff","reason":"stolen","by":"alice","changed":true,"result":"done"}',X'8CA6BD62C38E1CD7CED8624D050D175060A65C359FF81BB1B2041C8C80D7AFFE',X'B45570333097EAAD6DE568F5AFE8BF27A60AB0B637E93BBEA6A71E8B6BD316AD');
CREATE TABLE Counters (
    Name TEXT PRIMARY KEY,
    Value BIGINT NOT NULL
);
INSERT INTO "Counters" VALUES('revocations',1);
CREATE TABLE Evidence (
    Accepted BIGINT NOT NULL,
    Number BIGINT NOT NULL,
    Lease TEXT NOT NULL,
    Instance TEXT NOT NULL,
    Tee TEXT NOT NULL,
    Reason TEXT NOT NULL,
    KeptAt BIGINT NOT NULL,
    Body BLOB NOT NULL,
    PRIMARY KEY (Accepted, Number)
);
CREATE TABLE KekVersions (
    Name TEXT NOT NULL REFERENCES Keks (Name),
    Version BIGINT NOT NULL,
    Generation TEXT NOT NULL UNIQUE,
    State TEXT NOT NULL CHECK (State IN ('enabled', 'disabled', 'destroy-scheduled', 'destroyed')),
    CreatedAt BIGINT NOT NULL,
    ActiveAt BIGINT NOT NULL,
    DestroyAt BIGINT, Commitment TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (Name, Version)
);
INSERT INTO "KekVersions" VALUES('main',1,'f88e110c2678d990f6673bce8dc138b9','enabled',1795985739648,1795985739590,NULL,'c923ab33bff4da2fb2c796a1143ad9394b61aaee6fb017b945d81cb18bd99dfd');
INSERT INTO "KekVersions" VALUES('main',2,'f691a5f88ab78633a3d163502da31671','enabled',1795985740396,1795985740260,NULL,'f28d35e65bdf10baac7a163ff9214662bac5ad76751055128c8305daab939086');
CREATE TABLE Keks (
    Name TEXT PRIMARY KEY,
    Cluster TEXT NOT NULL,
    Store TEXT NOT NULL,
    Policy TEXT NOT NULL,
    Releasable BIGINT NOT NULL,
    CreatedAt BIGINT NOT NULL,
    NextVersion BIGINT NOT NULL,
    Revision BIGINT NOT NULL
, HighestActive BIGINT NOT NULL DEFAULT 0);
INSERT INTO "Keks" VALUES('main','c1','database','production',1,1795985739648,3,3,0);
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
, WrapsAllowed BIGINT NOT NULL DEFAULT 0, UnwrapsAllowed BIGINT NOT NULL DEFAULT 0, WrapsUsed BIGINT NOT NULL DEFAULT 0, UnwrapsUsed BIGINT NOT NULL DEFAULT 0, OtherRoots TEXT NOT NULL DEFAULT '');
CREATE TABLE PendingActs (
    Id TEXT PRIMARY KEY,
    Act TEXT NOT NULL,
    Parameters TEXT NOT NULL,
    RequestedBy TEXT NOT NULL,
    RequestedAt BIGINT NOT NULL,
    ExpiresAt BIGINT NOT NULL
);
INSERT INTO "PendingActs" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','export','{"kek":"main"}','alice',1,9000000000000);
CREATE TABLE Policies (
    Name TEXT NOT NULL,
    Version BIGINT NOT NULL,
    Yaml TEXT NOT NULL,
    Digest TEXT NOT NULL,
    UpdatedAt BIGINT NOT NULL,
    UpdatedBy TEXT NOT NULL,
    PRIMARY KEY (Name, Version)
);
INSERT INTO "Policies" VALUES('production',1,'apiVersion: cloister.dev/v1alpha1
kind: ReleasePolicy
metadata: { name: production }
spec:
  appraisal:
    sgx:
      debug: refuse
      enclave: [ { mrenclave: 5ff65e8ecadb9b42763cde9be0d1e3963ac5d5834556a21875a108194b4beb91 } ]
      configid: any
      tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 17, minDate: 2024-03-13 }
      platforms: { allow: any }
  configDigests: any
  lease: { duration: 1h, wraps: 100000, unwraps: 1000000 }
','17fedfb2c7e44ace43d458d5ec4c4846adbe53f11b8586ac6b1f0dafe1a9b9c8',1795985739324,'alice');
INSERT INTO "Policies" VALUES('production',2,'apiVersion: cloister.dev/v1alpha1
kind: ReleasePolicy
metadata: { name: production }
spec:
  appraisal:
    sgx:
      debug: refuse
      enclave: [ { mrenclave: 5ff65e8ecadb9b42763cde9be0d1e3963ac5d5834556a21875a108194b4beb91 } ]
      configid: any
      tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 17, minDate: 2024-03-13 }
      platforms: { allow: any }
  configDigests: any
  lease: { duration: 2h, wraps: 100000, unwraps: 1000000 }
','c65788050a1aadff2950039b486640dc9573d65a59b91659dc98710c52b5183e',1795985739534,'alice');
CREATE TABLE Revocations (
    Kind TEXT NOT NULL,
    Value TEXT NOT NULL,
    Reason TEXT NOT NULL,
    RevokedAt BIGINT NOT NULL,
    RevokedBy TEXT NOT NULL,
    PRIMARY KEY (Kind, Value)
);
INSERT INTO "Revocations" VALUES('platform','00ff','stolen',1795985740751,'alice');
CREATE TABLE SchemaVersions (Version BIGINT PRIMARY KEY);
INSERT INTO "SchemaVersions" VALUES(1);
INSERT INTO "SchemaVersions" VALUES(2);
INSERT INTO "SchemaVersions" VALUES(3);
INSERT INTO "SchemaVersions" VALUES(4);
INSERT INTO "SchemaVersions" VALUES(5);
INSERT INTO "SchemaVersions" VALUES(6);
INSERT INTO "SchemaVersions" VALUES(7);
CREATE TABLE Sessions (
    IdDigest BLOB PRIMARY KEY,
    ExpiresAt BIGINT NOT NULL,
    Token TEXT,
    TokenExpiresAt BIGINT
);
CREATE TABLE Settings (
    Name TEXT PRIMARY KEY,
    Value BLOB NOT NULL
);
INSERT INTO "Settings" VALUES('authority-key',X'60159912BD5313A1A935432264DE368A50D92A7DB5BEAB5BAF0E3F9ED20D6E7B32882DED5F9D8E63A5F696334FBDCA0FB0F8914A3F6352D19449AA14040E4D0547CAB9FAB07A8302');
INSERT INTO "Settings" VALUES('challenge-key',X'4E828A3D01D814BB68FAE0029D8657852EDFEF4ECEC7DCBF926547F18CFF07480B0B66404C1F1055987D992A2FC84EB7ABC0D0FFD812B187E4FE447011B51CC032508A16F11990BD');
CREATE TABLE kek_material (
    authority TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, generation TEXT NOT NULL, wrapped BLOB NOT NULL,
    PRIMARY KEY (authority, name, version, generation));
INSERT INTO "kek_material" VALUES('7c81e58ae3fe74a0027e931ff02e8a10','main',1,'f88e110c2678d990f6673bce8dc138b9',X'00BA8B222024022461A258280EDF1B67C572B1F1326455A59535075C95E6BC79EA43203BAA542DAEA73EFD3710153F86F6839537562AC0B548D20444F8E71A6549A40CCECCF4C659');
INSERT INTO "kek_material" VALUES('7c81e58ae3fe74a0027e931ff02e8a10','main',2,'f691a5f88ab78633a3d163502da31671',X'07ACB137DB9DF1597EACA0A6C6E7C4CA59FCF5B6D9133D909B173BA4C7AF4EF46AA8C0D3651F58F56CF7F2B0B64E5B180E35B9CBEF16DBF97E5CCFE1E09FEE6EDDFA47348C177A25');
CREATE TABLE kek_material_schema (version BIGINT NOT NULL);
INSERT INTO "kek_material_schema" VALUES(1);
CREATE INDEX SessionsByExpiry ON Sessions (ExpiresAt);
CREATE INDEX LeasesByCluster ON Leases (Cluster, RenewedAt);
CREATE INDEX LeasesByExpiry ON Leases (ExpiresAt);
CREATE INDEX EvidenceByTime ON Evidence (KeptAt);
CREATE INDEX EvidenceByLease ON Evidence (Lease, Accepted);
COMMIT;
