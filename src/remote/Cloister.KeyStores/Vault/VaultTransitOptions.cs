namespace Cloister.KeyStores.Vault;

/// <summary>Which Vault or OpenBao, and how to reach it.</summary>
public sealed record VaultTransitOptions
{
    /// <summary>Its address; https.</summary>
    public required Uri Address { get; init; }

    /// <summary>Path of the file that holds the token; read at each call, so that it may be renewed. White space around it is no part of it.</summary>
    public required string TokenFile { get; init; }

    /// <summary>Where the transit engine is mounted.</summary>
    public string Mount { get; init; } = "transit";

    /// <summary>PEM file of the authorities its certificate must come from; null: those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>How long a call may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
