namespace Cloister.Cli.Brokers;

/// <summary>How to run a development broker.</summary>
internal sealed record DevelopmentBrokerOptions
{
    /// <summary>Whether its log goes to standard error.</summary>
    internal bool ShowLog { get; init; }

    /// <summary>Whether it serves its console, and there is a file for a browser.</summary>
    internal bool Console { get; init; }

    /// <summary>A key store besides the database: the line <c>keyStore: ...</c> of its configuration, or nothing.</summary>
    internal string KeyStore { get; init; } = "";

    /// <summary>Name of the key store of KEKs that it never releases.</summary>
    internal string KeptIn { get; init; } = "database";

    /// <summary>Environment variables that it gets besides this process's.</summary>
    internal IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
