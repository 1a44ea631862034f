using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

public sealed class RestartTests() : RestartCases(Way.Direct);

public sealed class RelayedRestartTests() : RestartCases(Way.Relay);
