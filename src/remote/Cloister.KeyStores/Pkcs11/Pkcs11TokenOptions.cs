namespace Cloister.KeyStores.Pkcs11;

/// <summary>Which token, and how to log in.</summary>
public sealed record Pkcs11TokenOptions
{
    /// <summary>Path of the PKCS#11 library.</summary>
    public required string Library { get; init; }

    /// <summary>The token's label; exactly one token must have it.</summary>
    public required string TokenLabel { get; init; }

    /// <summary>Path of the file that holds the user PIN; a line break at its end is no part of it. Read at each login.</summary>
    public required string PinFile { get; init; }
}
