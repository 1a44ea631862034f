namespace Cloister.Conformance.Cases;

public sealed class KmsV1Tests(KmsV1Fixture fixture) : BasicCases(fixture), IClassFixture<KmsV1Fixture>;
