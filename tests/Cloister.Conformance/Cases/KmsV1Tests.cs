namespace Cloister.Conformance.Cases;

public sealed class KmsV1Tests(DirectKmsV1Fixture fixture) : BasicCases(fixture), IClassFixture<DirectKmsV1Fixture>;

public sealed class RelayedKmsV1Tests(RelayedKmsV1Fixture fixture) : BasicCases(fixture), IClassFixture<RelayedKmsV1Fixture>;
