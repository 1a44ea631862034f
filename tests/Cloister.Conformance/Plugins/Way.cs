namespace Cloister.Conformance.Plugins;

/// <summary>How an API server reaches the plugin.</summary>
public enum Way
{
    /// <summary>The plugin owns the unix socket.</summary>
    Direct,

    /// <summary>The plugin listens on loopback TCP, as under Gramine, and <c>cloister relay</c> owns the unix socket.</summary>
    Relay,
}
