namespace Cloister.Conformance.Cases;

public sealed class KmsV2Tests(KmsV2Fixture fixture) : BasicCases(fixture), IClassFixture<KmsV2Fixture>;
