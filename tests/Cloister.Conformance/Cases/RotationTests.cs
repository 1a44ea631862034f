using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

public sealed class RotationTests() : RotationCases(Way.Direct);

public sealed class RelayedRotationTests() : RotationCases(Way.Relay);
