namespace Cloister.Conformance.Cases;

public sealed class KmsV2Tests(DirectKmsV2Fixture fixture) : BasicCases(fixture), IClassFixture<DirectKmsV2Fixture>;

public sealed class RelayedKmsV2Tests(RelayedKmsV2Fixture fixture) : BasicCases(fixture), IClassFixture<RelayedKmsV2Fixture>;
