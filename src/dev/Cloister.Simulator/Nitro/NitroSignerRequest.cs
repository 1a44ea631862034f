using System.Security.Cryptography.X509Certificates;

namespace Cloister.Simulator.Nitro;

/// <summary>What an enclave's certificate is to say. The defaults make a valid one; every part can be made wrong.</summary>
public sealed record NitroSignerRequest
{
    /// <summary>Marks it as a certification authority.</summary>
    public bool IsAuthority { get; init; }

    /// <summary>What its key may do.</summary>
    public X509KeyUsageFlags KeyUsage { get; init; } = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation;

    /// <summary>Uses a P-256 key, which no real one is.</summary>
    public bool WithP256Key { get; init; }

    /// <summary>Adds a critical extension that nobody knows.</summary>
    public bool WithUnknownCriticalExtension { get; init; }

    /// <summary>First moment of validity; null for three seconds before the vendor's moment.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Last moment of validity; null for three hours after the vendor's moment.</summary>
    public DateTimeOffset? NotAfter { get; init; }
}
