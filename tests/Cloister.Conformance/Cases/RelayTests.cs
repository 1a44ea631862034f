namespace Cloister.Conformance.Cases;

public sealed class RelayTests(RelayFixture fixture) : BasicCases(fixture), IClassFixture<RelayFixture>;
