namespace Cloister.Attestation.Claims;

/// <summary>The type of a claim's value.</summary>
public enum ClaimKind
{
    /// <summary>Bytes, shown as lower-case hex.</summary>
    Bytes,

    /// <summary>An unsigned integer.</summary>
    Number,

    /// <summary>True or false.</summary>
    Flag,

    /// <summary>Text.</summary>
    Text,
}
